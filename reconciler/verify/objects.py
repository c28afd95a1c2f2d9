"""The health of one object: the order of kstatus, the rule of its kind, the conditions that custom resources share.

Source of the rules: reference/peers.md §3. Sentences begin with a verb: the object's name comes before them.
"""

from collections.abc import Callable

from reconciler import kinds
from reconciler.model import document, health, ids
from reconciler.verify import deployments, family, jobs, judgement, pods

Rule = Callable[[document.Json, family.Family, judgement.Patience], judgement.Judgement]

CONTROLLED = frozenset({"deployment", "replica-set", "stateful-set", "daemon-set"})
"""Rules of kinds whose controller always writes `observedGeneration`: without it nobody has looked yet."""


def assess(
    key: ids.ObjectKey,
    found: document.Json | None,
    *,
    wanted: document.Json | None = None,
    relatives: family.Family,
    patience: judgement.Patience,
) -> health.Health:
    """The health of the object `key`, live as `found` (None: it is not there). `wanted` is its manifest, which tells
    of a missing object whether it may be."""
    judged = _missing(key, wanted, patience) if found is None else _present(key, found, relatives, patience)
    return health.Health(key, judged.state, judged.because, judged.blame)


def _missing(key: ids.ObjectKey, wanted: document.Json | None, patience: judgement.Patience) -> judgement.Judgement:
    absent = judgement.Judgement(health.State.MISSING, "is not there")
    if _rule(key) == "job" and wanted is not None:
        return jobs.gone(wanted, patience) or absent
    return absent


def _present(
    key: ids.ObjectKey, found: document.Json, relatives: family.Family, patience: judgement.Patience
) -> judgement.Judgement:
    """In the order of kstatus: what comes first makes what comes after it worthless."""
    if document.text(found, "metadata", "deletionTimestamp"):
        return judgement.progressing("is being deleted")
    name = _rule(key)
    if unseen := _unseen(found, required=name in CONTROLLED):
        return unseen
    if judgement.holds(found, "Reconciling"):
        return judgement.progressing(f"is being reconciled{_of(found, 'Reconciling')}")
    if judgement.holds(found, "Stalled"):
        return judgement.failed(f"has stalled{_of(found, 'Stalled')}")
    if rule := RULES.get(name):
        return rule(found, relatives, patience)
    return _by_ready(found)


def _unseen(found: document.Json, *, required: bool) -> judgement.Judgement | None:
    """A status from before the last change says nothing of it, however good it looks."""
    generation = document.number(found, "metadata", "generation")
    observed = document.at(found, "status", "observedGeneration")
    if not isinstance(observed, int):
        return judgement.progressing("has not been looked at by its controller yet") if required else None
    if observed < generation:
        return judgement.progressing(f"its controller has seen generation {observed} of {generation}")
    return None


def _by_ready(found: document.Json) -> judgement.Judgement:
    """The condition Ready of a kind without a rule. It may carry its own generation (`metav1.Condition`)."""
    ready = judgement.condition(found, "Ready")
    if ready is None:
        return judgement.healthy("exists")
    observed = ready.get("observedGeneration")
    if isinstance(observed, int) and observed < document.number(found, "metadata", "generation"):
        return judgement.progressing("its condition Ready is of an earlier generation")
    if ready.get("status") == "True":
        return judgement.healthy(f"is ready{judgement.because_of(ready)}")
    return judgement.progressing(f"is not ready{judgement.because_of(ready)}")


def _of(found: document.Json, condition: str) -> str:
    return judgement.because_of(judgement.condition(found, condition))


def _rule(key: ids.ObjectKey) -> str:
    kind = kinds.of(key)
    return kind.health if kind else ""


def _pod(found: document.Json, _: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    return pods.judge(found, patience)


RULES: dict[str, Rule] = {
    "pod": _pod,
    "deployment": deployments.deployment,
    "replica-set": deployments.replica_set,
    "job": jobs.job,
    "cron-job": jobs.cron_job,
}
"""By the word that `kinds` gives a kind."""
