"""Which inputs a target should run: those of the head, unless they failed here before."""

from dataclasses import dataclass

from reconciler.model import outcomes, records, sources


@dataclass(frozen=True, slots=True)
class Desired:
    """What should run, and why. `revision` and `input_digest` are '' when nothing should change: then `hold` says why.
    With a `hold` beside a revision the target is kept at that revision while the head's inputs wait."""

    revision: str
    input_digest: str
    because: str
    hold: outcomes.Hold | None = None


def choose(head: sources.Inputs, ledger: records.Ledger) -> Desired:
    """The head's inputs; last good while they are quarantined; nothing when there is no last good to go to.

    By digest, not by revision: the same bytes stay held whatever commit brings them back, and an unrelated commit
    does not free them. Last good whose own inputs were quarantined since is no place to go.
    """
    quarantine = ledger.quarantine_of(head.digest)
    if quarantine is None:
        return Desired(head.revision, head.digest, "it is the head")
    blame = f"{quarantine.by} took them back" if quarantine.by else "they failed here"
    refused = f"the inputs of {head.revision[:12]} are in quarantine, {blame}: {quarantine.because}"
    hold = outcomes.Hold(outcomes.HoldReason.QUARANTINED, refused, revision=head.revision, digest=head.digest)
    good = ledger.last_good
    if good is None or ledger.quarantine_of(good.input_digest):
        return Desired("", "", f"{refused}; there is no last good to return to", hold)
    return Desired(good.revision, good.input_digest, refused, hold)
