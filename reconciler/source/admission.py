"""May this revision come: only forward on the pinned ref (I5)."""

from reconciler.model import outcomes


def may_come(revision: str, *, deployed: str, descends: bool, accepted: str) -> outcomes.Hold | None:
    """None when it may, else the hold.

    `deployed` is the revision deployed last ('' before the first), `descends` whether `revision` is or descends from
    it, or from `accepted`: the revision whose rewritten history a person accepted ('' when nobody did).
    A force-push that other tools follow silently is how a stolen account brings back an old, vulnerable release
    (rows.toml GIT-14).
    """
    if not deployed or descends or revision == accepted:
        return None
    because = (
        f"{revision[:12]} does not descend from {deployed[:12]}, which was deployed last: the history was rewritten."
        " What runs stays"
    )
    return outcomes.Hold(outcomes.HoldReason.HISTORY_REWRITTEN, because, revision=revision)
