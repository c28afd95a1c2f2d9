"""The tables of the journal, as its code uses them. The migrations make them; a test holds the two together.

A target is two columns everywhere, and times are RFC 3339 text. docs/reference/journal.md explains every table.
"""

import sqlalchemy as sa

HEAD = "0001"
"""The newest migration. Revisions are numbers, so that a journal made by a newer version can be told from ours."""

metadata = sa.MetaData()


class Text(sa.types.TypeDecorator[str]):
    """Text that UTF-8 can carry. A name quoted from Git or an API may hold lone surrogates: each becomes `?`, the same
    in the chain's canonical text, because an event that cannot be stored would stop everything behind it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else value.encode("utf-8", "replace").decode("utf-8")


def _target() -> tuple[sa.Column[str], sa.Column[str]]:
    return sa.Column("environment", Text, nullable=False), sa.Column("application", Text, nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=nullable)


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("installation", Text, primary_key=True),
    _text("created_at"),
)

leadership = sa.Table(
    "leadership",
    metadata,
    sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
    _text("holder"),
    _text("since"),
)

targets = sa.Table(
    "targets",
    metadata,
    *_target(),
    sa.Column("shape", sa.Integer, nullable=False),
    _text("ledger"),
    _text("outcome"),
    _text("hold"),
    _text("revision"),
    _text("last_good"),
    sa.PrimaryKeyConstraint("environment", "application"),
)

inventory = sa.Table(
    "inventory",
    metadata,
    *_target(),
    _text("object"),
    _text("uid"),
    _text("manifest_digest"),
    _text("entry"),
    _text("resource_version"),
    _text("rollout"),
    sa.Column("drifted", sa.Boolean, nullable=False),
    sa.PrimaryKeyConstraint("environment", "application", "object"),
    sa.Index("inventory_by_object", "object"),
)

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("operation", Text, primary_key=True),
    *_target(),
    _text("verb"),
    _text("subject"),
    _text("manifest_digest"),
    sa.Column("epoch", sa.Integer, sa.ForeignKey("leadership.epoch"), nullable=False),
    _text("rollout"),
    _text("at"),
    _text("result", nullable=True),
    _text("because"),
    _text("settled_at", nullable=True),
)
sa.Index(
    "intents_open",
    intents.c.environment,
    intents.c.application,
    sqlite_where=intents.c.result.is_(None),
    postgresql_where=intents.c.result.is_(None),
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("id", Text, nullable=False, unique=True),
    _text("kind"),
    *_target(),
    _text("who"),
    _text("why"),
    _text("at"),
    _text("argument"),
    _text("answer"),
    sa.Index("requests_by_answer", "answer", "sequence"),
)

rollouts = sa.Table(
    "rollouts",
    metadata,
    sa.Column("id", Text, primary_key=True),
    *_target(),
    _text("purpose"),
    _text("revision"),
    _text("input_digest"),
    _text("phase"),
    _text("started_at"),
    _text("ended_at", nullable=True),
    _text("outcome"),
    _text("because"),
    sa.Index("rollouts_by_target", "environment", "application", "started_at"),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
    _text("at"),
    _text("kind"),
    _text("environment"),
    _text("application"),
    _text("because"),
    _text("data"),
    _text("previous"),
    _text("hash"),
    sa.Index("events_by_target", "environment", "application", "sequence"),
)
