"""`audit verify`: the journal against itself, and against what the clusters remember of it."""

import pathlib
from dataclasses import dataclass

from reconciler.app import beside, opening
from reconciler.edges.journal import audit
from reconciler.model import document
from reconciler.pipeline import auditing


@dataclass(frozen=True, slots=True)
class Report:
    """`audit` is the chain's; `compared` names the anchors it was held against, `left_out` says why others were not."""

    audit: audit.Audit
    compared: tuple[str, ...]
    left_out: tuple[str, ...]


async def verify(config: pathlib.Path) -> Report:
    """Verify the whole chain. The anchors are read first: what a daemon records meanwhile is then in the chain."""
    its = opening.settings(config)
    async with (
        opening.open_journal(its, read_only=True) as journal,
        beside.build(its, journal) as found,
    ):
        anchors = await auditing.anchors(found.here, await journal.targets(), unreachable=found.unreachable)
        verified = await audit.verify(journal, anchors=anchors.found)
    return Report(verified, tuple(anchor.where for anchor in anchors.found), anchors.left_out)


def data(report: Report) -> document.Json:
    """For scripts. Names are stable."""
    broken = report.audit.broken
    return {
        "sound": broken is None,
        "events": report.audit.events,
        "head": report.audit.head,
        "broken": {"sequence": broken.sequence, "because": broken.because} if broken else None,
        "compared": list(report.compared),
        "notCompared": list(report.left_out),
    }
