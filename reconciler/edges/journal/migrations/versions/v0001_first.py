"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _identity()
    _work()
    _people()
    _history()


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _identity() -> None:
    op.create_table("meta", *_text("installation", "created_at"), sa.PrimaryKeyConstraint("installation"))
    op.create_table(
        "leadership",
        sa.Column("epoch", sa.Integer, autoincrement=False, nullable=False),
        *_text("holder", "since"),
        sa.PrimaryKeyConstraint("epoch"),
    )


def _work() -> None:
    op.create_table(
        "targets",
        *_text("environment", "application"),
        sa.Column("shape", sa.Integer, nullable=False),
        *_text("ledger", "outcome", "hold", "revision", "last_good"),
        sa.PrimaryKeyConstraint("environment", "application"),
    )
    op.create_table(
        "inventory",
        *_text("environment", "application", "object", "uid", "manifest_digest", "entry", "resource_version"),
        *_text("rollout"),
        sa.Column("drifted", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("environment", "application", "object"),
    )
    op.create_index("inventory_by_object", "inventory", ["object"])
    op.create_table(
        "intents",
        *_text("operation", "environment", "application", "verb", "subject", "manifest_digest"),
        sa.Column("epoch", sa.Integer, sa.ForeignKey("leadership.epoch"), nullable=False),
        *_text("rollout", "at"),
        sa.Column("result", sa.Text),
        *_text("because"),
        sa.Column("settled_at", sa.Text),
        sa.PrimaryKeyConstraint("operation"),
    )
    unsettled = sa.text("result IS NULL")
    columns = ["environment", "application"]
    op.create_index("intents_open", "intents", columns, sqlite_where=unsettled, postgresql_where=unsettled)


def _people() -> None:
    op.create_table(
        "requests",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        *_text("kind", "environment", "application", "who", "why", "at", "argument", "answer"),
    )
    op.create_index("requests_by_answer", "requests", ["answer", "sequence"])


def _history() -> None:
    op.create_table(
        "rollouts",
        *_text("id", "environment", "application", "purpose", "revision", "input_digest", "phase", "started_at"),
        sa.Column("ended_at", sa.Text),
        *_text("outcome", "because"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rollouts_by_target", "rollouts", ["environment", "application", "started_at"])
    op.create_table(
        "events",
        sa.Column("sequence", sa.Integer, autoincrement=False, nullable=False),
        *_text("at", "kind", "environment", "application", "because", "data", "previous", "hash"),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index("events_by_target", "events", ["environment", "application", "sequence"])
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER events_refuse_{deed.lower()} BEFORE {deed} ON events "
            "BEGIN SELECT RAISE(ABORT, 'events are only ever appended'); END"
        )
