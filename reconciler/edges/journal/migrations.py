"""The tables of the journal, as the steps that make them. docs/reference/journal.md explains every table.

A step that was released is never changed: files that it made are out there. What a newer version needs is one more
step. A target is two columns everywhere, and times are RFC 3339 text.
"""

_FIRST = (
    # The name is of the library that made the first journals: older versions look for it.
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
    "CREATE TABLE meta (installation TEXT NOT NULL PRIMARY KEY, created_at TEXT NOT NULL)",
    "CREATE TABLE leadership (epoch INTEGER NOT NULL PRIMARY KEY, holder TEXT NOT NULL, since TEXT NOT NULL)",
    """
    CREATE TABLE targets (
        environment TEXT NOT NULL,
        application TEXT NOT NULL,
        shape INTEGER NOT NULL,
        ledger TEXT NOT NULL,
        outcome TEXT NOT NULL,
        hold TEXT NOT NULL,
        revision TEXT NOT NULL,
        last_good TEXT NOT NULL,
        PRIMARY KEY (environment, application)
    )
    """,
    """
    CREATE TABLE inventory (
        environment TEXT NOT NULL,
        application TEXT NOT NULL,
        object TEXT NOT NULL,
        uid TEXT NOT NULL,
        manifest_digest TEXT NOT NULL,
        entry TEXT NOT NULL,
        resource_version TEXT NOT NULL,
        rollout TEXT NOT NULL,
        drifted BOOLEAN NOT NULL,
        PRIMARY KEY (environment, application, object)
    )
    """,
    "CREATE INDEX inventory_by_object ON inventory (object)",
    """
    CREATE TABLE intents (
        operation TEXT NOT NULL PRIMARY KEY,
        environment TEXT NOT NULL,
        application TEXT NOT NULL,
        verb TEXT NOT NULL,
        subject TEXT NOT NULL,
        manifest_digest TEXT NOT NULL,
        epoch INTEGER NOT NULL REFERENCES leadership (epoch),
        rollout TEXT NOT NULL,
        at TEXT NOT NULL,
        result TEXT,
        because TEXT NOT NULL,
        settled_at TEXT
    )
    """,
    "CREATE INDEX intents_open ON intents (environment, application) WHERE result IS NULL",
    """
    CREATE TABLE requests (
        sequence INTEGER NOT NULL PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        environment TEXT NOT NULL,
        application TEXT NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        at TEXT NOT NULL,
        argument TEXT NOT NULL,
        answer TEXT NOT NULL
    )
    """,
    "CREATE INDEX requests_by_answer ON requests (answer, sequence)",
    """
    CREATE TABLE rollouts (
        id TEXT NOT NULL PRIMARY KEY,
        environment TEXT NOT NULL,
        application TEXT NOT NULL,
        purpose TEXT NOT NULL,
        revision TEXT NOT NULL,
        input_digest TEXT NOT NULL,
        phase TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        outcome TEXT NOT NULL,
        because TEXT NOT NULL
    )
    """,
    "CREATE INDEX rollouts_by_target ON rollouts (environment, application, started_at)",
    """
    CREATE TABLE events (
        sequence INTEGER NOT NULL PRIMARY KEY,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        environment TEXT NOT NULL,
        application TEXT NOT NULL,
        because TEXT NOT NULL,
        data TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL
    )
    """,
    "CREATE INDEX events_by_target ON events (environment, application, sequence)",
    """
    CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only ever appended'); END
    """,
    """
    CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are only ever appended'); END
    """,
)

STEPS = {"0001": _FIRST}
"""Statements by revision, oldest first. Revisions are numbers of four digits, so that a journal made by a newer version
can be told from ours."""

HEAD = max(STEPS)
