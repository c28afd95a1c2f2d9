"""Where a person can return to: inputs that were good here, and no others (`reconciler revert`)."""

from dataclasses import dataclass, replace

from reconciler.model import records


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no way back, in a sentence that says what to do instead."""

    because: str


def before(ledger: records.Ledger, leaving: str) -> records.Good | Refusal:
    """The newest good inputs before those with the digest `leaving`. Others that made the very same objects are passed
    over: going there would change nothing."""
    goods = _goods(ledger)
    same = {good.manifest_digest for good in goods if good.input_digest == leaving}
    for good in goods:
        if good.manifest_digest not in same and ledger.quarantine_of(good.input_digest) is None:
            return good
    return Refusal("nothing earlier was good here: commit what should run instead")


def named(ledger: records.Ledger, leaving: str, *, revision: str, digest: str) -> records.Good | Refusal:
    """The good inputs of a revision that a person names. `digest`: what the target reads there; by it, not by the
    revision, what was good is recognised."""
    if digest == leaving:
        return Refusal(f"the target has the inputs of {revision[:12]} already")
    if ledger.quarantine_of(digest):
        return Refusal(f"the inputs of {revision[:12]} are in quarantine: release-quarantine them first")
    found = next((good for good in _goods(ledger) if good.input_digest == digest), None)
    return found or Refusal(f"{revision[:12]} was not good here: commit its content, and it is rolled out and watched")


def returned(ledger: records.Ledger, good: records.Good) -> records.Ledger:
    """With `good` as last good again, and only what was good before it behind it."""
    goods = _goods(ledger)
    return replace(ledger, last_good=good, earlier=goods[goods.index(good) + 1 :])


def _goods(ledger: records.Ledger) -> tuple[records.Good, ...]:
    return (ledger.last_good, *ledger.earlier) if ledger.last_good else ledger.earlier
