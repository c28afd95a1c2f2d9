"""`journal rebuild`: the journal made anew from target records, marks and Git."""

import pathlib
from dataclasses import dataclass

from reconciler import errors
from reconciler.app import beside, opening
from reconciler.app.commands import asking
from reconciler.edges.journal import journal as sql_journal
from reconciler.edges.journal import rebuilding as sql
from reconciler.model import document
from reconciler.pipeline import anchoring, rebuilding, world

HOLDER = "reconciler journal rebuild"


@dataclass(frozen=True, slots=True)
class Report:
    """`targets`: name → one sentence each; empty when the journal knew as much. `notes`: what was not restored."""

    installation: str
    targets: dict[str, str]
    notes: tuple[str, ...]


async def rebuild(config: pathlib.Path, *, why: str, installation: str) -> Report:
    """Make the journal say what the clusters and Git tell; makes one where there is none.

    The journal is written first, in one transaction, then the target records: killed in between, the command is given
    again. Raises `errors.ReconcilerError` when it must not or cannot be done; nothing has changed then.
    """
    its = opening.settings(config)
    async with opening.open_journal(its) as journal, beside.build(its, journal) as found:
        here = found.here
        for name, because in found.unreachable.items():
            raise errors.Transient(f"cluster {name}: {because}; what it remembers is not known")
        try:
            here.epoch = await journal.lead(HOLDER)
        except errors.Transient as error:
            raise errors.Transient(
                f"{error} Stop the daemon first: a journal is rebuilt while nobody leads."
            ) from error
        gathered = await rebuilding.gather(here, asked=installation)
        notes = (*gathered.notes, *(f"{found.ledger.target}: {n}" for found in gathered.targets for n in found.notes))
        if not gathered.targets:
            return Report(gathered.installation, {}, notes)
        await restore(here, journal, gathered, who=asking.who(), why=why)
    sentences = {str(target.ledger.target): rebuilding.summary(target) for target in gathered.targets}
    return Report(gathered.installation, sentences, notes)


async def restore(
    here: world.World, journal: sql_journal.SqlJournal, gathered: rebuilding.Found, *, who: str, why: str
) -> None:
    """Make what was gathered the journal's, which this process leads on, then the target records fit it."""
    new = sql.Rebuilt(
        installation=gathered.installation,
        epoch=max(gathered.epoch, here.epoch) + 1,
        holder=HOLDER,
        targets=[sql.Target(target.ledger, target.inventory) for target in gathered.targets],
        events=rebuilding.told(here, gathered, who=who, why=why, before=await journal.head()),
    )
    here.epoch = await journal.rebuild(new, epoch=here.epoch)
    anchors = anchoring.Anchoring(here)
    for target in gathered.targets:
        if target.anchor:
            await anchors.anchor(target.ledger)


def data(report: Report) -> document.Json:
    """For scripts. Names are stable."""
    return {"installation": report.installation, "targets": dict(report.targets), "notes": list(report.notes)}
