"""Brings a database file to the schema that this version reads, or says why that cannot be."""

from reconciler import errors
from reconciler.edges.journal import database, leadership, migrations, transactions


def prepare(base: database.Database, *, lock: leadership.Lock, now: str, installation: str) -> str:
    """Upgrade what is older, refuse what is newer. Returns the installation's UUID: `installation` when it is new.

    The upgrade is one transaction: a process killed in it leaves the schema as it was. What is refused is left as it
    is. `now` is RFC 3339.
    """
    found = base.read(_revision)
    _refuse_unknown(base, found)
    if found:
        installed(base)
    if base.read_only:
        _refuse_older(base, found)
    else:
        base.use_wal()
    if found != migrations.HEAD:
        try:
            base.write(lambda tx: _upgrade(tx, lock=lock, now=now, installation=installation))
        finally:
            lock.release()
    return installed(base)


def installed(base: database.Database) -> str:
    """The installation's UUID."""
    found = base.look(lambda tx: tx.one("SELECT installation FROM meta"))
    if found is None:
        raise errors.JournalUnusable(f"The journal {base.path} does not say whose it is: restore a backup of it.")
    return str(found["installation"])


def _revision(tx: transactions.Transaction) -> str:
    """The schema's revision; '' for a new file, 'foreign' for somebody else's database, which may have been made with
    Alembic as well: its version may be of any type, none at all, or named as one of ours."""
    names = [row["name"] for row in tx.all("SELECT name FROM sqlite_master WHERE type = 'table'")]
    if "alembic_version" not in names:
        return "foreign" if names else ""
    found = tx.one("SELECT version_num FROM alembic_version")
    revision = found["version_num"] if found else None
    if not isinstance(revision, str) or not revision:
        return "foreign"
    return "foreign" if revision in migrations.STEPS and "meta" not in names else revision


def _refuse_unknown(base: database.Database, found: str) -> None:
    if found and not found.isdecimal():
        raise errors.JournalUnusable(
            f"{base.path} is a database, but not a journal of the reconciler: name another file."
        )
    if found > migrations.HEAD:
        raise errors.JournalUnusable(
            f"The journal {base.path} was made by a newer version (schema {found}, this version knows "
            f"{migrations.HEAD}): use that version, or restore a backup from before the upgrade."
        )
    if found and found not in migrations.STEPS:
        raise errors.JournalUnusable(
            f"The journal {base.path} cannot be upgraded: no version has made a schema {found}. Restore a backup."
        )


def _refuse_older(base: database.Database, found: str) -> None:
    """A reader upgrades nothing."""
    if not found:
        raise errors.JournalUnusable(
            f"The journal {base.path} is empty. `reconciler run` makes it at its start; if there was something in it, "
            "restore a backup."
        )
    if found != migrations.HEAD:
        raise errors.JournalUnusable(
            f"The journal {base.path} was made by an older version. `reconciler run` of this version upgrades it."
        )


def _upgrade(tx: transactions.Transaction, *, lock: leadership.Lock, now: str, installation: str) -> None:
    """A leading daemon of an older version would go on writing the old shape: the lock keeps us apart."""
    found = _revision(tx)
    if found == migrations.HEAD:
        return  # another process was faster
    if not lock.take():
        raise errors.Transient(
            "The journal must be upgraded, and a daemon of an older version still runs on it: stop that one first."
        )
    for revision, statements in migrations.STEPS.items():
        if revision > found:
            for statement in statements:
                tx.run(statement)
    tx.run("DELETE FROM alembic_version")
    tx.run("INSERT INTO alembic_version (version_num) VALUES (:head)", {"head": migrations.HEAD})
    if tx.one("SELECT installation FROM meta") is None:
        new = {"installation": installation, "now": now}
        tx.run("INSERT INTO meta (installation, created_at) VALUES (:installation, :now)", new)
