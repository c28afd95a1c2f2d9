"""Brings a database file to the schema that this version reads, or says why that cannot be."""

import sqlalchemy as sa

from reconciler import errors
from reconciler.edges.journal import database, leadership, tables


def prepare(base: database.Database, *, lock: leadership.Lock, now: str, installation: str) -> str:
    """Upgrade what is older, refuse what is newer. Returns the installation's UUID: `installation` when it is new.

    The upgrade is one transaction: a process killed in it leaves the schema as it was. `now` is RFC 3339.
    """
    found = base.read(_revision)
    _refuse_unknown(base, found)
    if not base.read_only:
        base.use_wal()
    if found != tables.HEAD:
        if base.read_only:
            raise errors.JournalUnusable(
                f"The journal {base.path} was made by an older version. `reconciler run` of this version upgrades it."
            )
        try:
            base.write(lambda connection: _upgrade(connection, lock=lock, now=now, installation=installation))
        finally:
            lock.release()
    return base.read(lambda connection: str(connection.execute(sa.select(tables.meta.c.installation)).scalar_one()))


def _revision(connection: sa.Connection) -> str:
    """The schema's revision; '' for a new file, 'foreign' for somebody else's database."""
    names = sa.inspect(connection).get_table_names()
    if "alembic_version" in names:
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none() or ""
    return "foreign" if names else ""


def _refuse_unknown(base: database.Database, found: str) -> None:
    if found and not found.isdecimal():
        raise errors.JournalUnusable(
            f"{base.path} is a database, but not a journal of the reconciler: name another file."
        )
    if found > tables.HEAD:
        raise errors.JournalUnusable(
            f"The journal {base.path} was made by a newer version (schema {found}, this version knows {tables.HEAD}): "
            "use that version, or restore a backup from before the upgrade."
        )


def _upgrade(connection: sa.Connection, *, lock: leadership.Lock, now: str, installation: str) -> None:
    """A leading daemon of an older version would go on writing the old shape: the lock keeps us apart."""
    if _revision(connection) == tables.HEAD:
        return  # another process was faster
    if not lock.take():
        raise errors.Transient(
            "The journal must be upgraded, and a daemon of an older version still runs on it: stop that one first."
        )
    _migrate(connection)
    if connection.execute(sa.select(tables.meta)).first() is None:
        connection.execute(sa.insert(tables.meta).values(installation=installation, created_at=now))


def _migrate(connection: sa.Connection) -> None:
    # Imported here: Alembic takes 0.1 s to load, and only a new or an old file needs it.
    from alembic import command, config, util

    setup = config.Config()
    setup.set_main_option("script_location", "reconciler.edges.journal:migrations")
    setup.attributes["connection"] = connection
    try:
        command.upgrade(setup, "head")
    except util.CommandError as error:
        raise errors.JournalUnusable(f"The journal cannot be upgraded: {error}. Restore a backup.") from error
