"""Deployments and ReplicaSets.

A Deployment is complete by kstatus' strict rule (reference/peers.md §3.3): the counts, the reason
`NewReplicaSetAvailable` and `Available` together. Until then its newest pods tell how it goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import document, health
from reconciler.verify import family, judgement, pods

REVISION = "deployment.kubernetes.io/revision"
"""Annotation of a Deployment and of its ReplicaSets: the newest set is the one with the Deployment's own number."""

NO_DEADLINE = 2**31 - 1
"""`progressDeadlineSeconds` that switches the condition Progressing off."""

WORLDLY_FAILURES = ("exceeded quota", "failed calling webhook", "timed out", "timeout", "connection refused")
"""In the message of `ReplicaFailure`: why no pod could be made though nothing is wrong with it. Anything else (a policy
or a webhook that said no, an invalid pod) is the release's."""


@dataclass(frozen=True, slots=True)
class Generations:
    """The pods of a workload, by version: `new` are of its present template, `old` are the others. Finished ones and
    those being deleted are in neither."""

    new: tuple[document.Json, ...]
    old: tuple[document.Json, ...]


def deployment(found: document.Json, relatives: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """A Deployment whose status is of its present generation."""
    if document.at(found, "spec", "paused") is True:
        return judgement.suspended("is paused: nothing rolls out until `spec.paused` goes")
    if complete := _complete(found):
        return complete
    generations = _generations(found, relatives)
    if trouble := failing(generations, patience):
        return trouble
    if trouble := replica_failure(found):
        return trouble
    progress = judgement.condition(found, "Progressing")
    said = _progress(found, generations)
    if progress and progress.get("reason") == "ProgressDeadlineExceeded":
        seconds = document.number(found, "spec", "progressDeadlineSeconds")
        return late(f"{said}, and nothing has moved for {seconds} s", generations)
    return overdue(said, generations, patience)


def replica_set(found: document.Json, relatives: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    """A ReplicaSet that nobody controls."""
    want, status = replicas(found), document.mapping(found, "status")
    ready, available = document.number(status, "readyReplicas"), document.number(status, "availableReplicas")
    if ready >= want and available >= want and document.number(status, "replicas") == want:
        return judgement.healthy(f"{available} of {want} pods are available")
    own = tuple(pod for pod in relatives.children(family.POD, of=found) if pods.active(pod))
    generations = Generations(own, ())
    said = f"{ready} of {want} pods are ready"
    return failing(generations, patience) or replica_failure(found) or overdue(said, generations, patience)


def replicas(found: Mapping[str, document.JsonValue]) -> int:
    """The number of pods wanted: 1 where the object does not say."""
    wanted = document.at(found, "spec", "replicas")
    return wanted if isinstance(wanted, int) else 1


def failing(generations: Generations, patience: judgement.Patience) -> judgement.Judgement | None:
    """The worst failure among the newest pods; None when none fails.

    When no pod of the previous version serves and one of them fails as well, it is not the new version's doing: a
    database is down, a shared configuration is broken.
    """
    found = pods.worst(pods.judge(pod, patience) for pod in generations.new)
    if found is None or found.state is not health.State.DEGRADED:
        return None
    if found.blame is health.Blame.RELEASE and (fellow := _failing_before(generations.old, patience)):
        return judgement.troubled(f"{found.because}; pod {fellow} of the previous version fails too")
    return found


def late(said: str, generations: Generations) -> judgement.Judgement:
    """What is not ready in time is the release's failure, unless the previous version does not serve either."""
    if generations.old and not any(pods.ready(pod) for pod in generations.old):
        return judgement.troubled(f"{said}; no pod of the previous version is ready either")
    return judgement.failed(said)


def overdue(said: str, generations: Generations, patience: judgement.Patience) -> judgement.Judgement:
    """Not ready yet. Past the rollout's deadline the rollout fails by itself; only what speaks against that is said
    here: a previous version that does not serve either."""
    if patience.spent >= patience.deadline and not patience.observing:
        judged = late(said, generations)
        if judged.blame is health.Blame.WORLD:
            return judged
    return judgement.progressing(said)


def replica_failure(found: document.Json) -> judgement.Judgement | None:
    """Pods that could not even be made."""
    seen = judgement.condition(found, "ReplicaFailure")
    if seen is None or seen.get("status") != "True":
        return None
    said = f"its pods cannot be created{judgement.because_of(seen)}"
    message = document.text(seen, "message").lower()
    return judgement.troubled(said) if any(word in message for word in WORLDLY_FAILURES) else judgement.failed(said)


def _complete(found: document.Json) -> judgement.Judgement | None:
    """The strict rule: a status that was only just begun has the counts of the previous version."""
    want, status = replicas(found), document.mapping(found, "status")
    updated, total, ready, available = (
        document.number(status, word) for word in ("updatedReplicas", "replicas", "readyReplicas", "availableReplicas")
    )
    if updated < want or total != updated or total > want or ready < want or available < updated:
        return None
    deadline = document.at(found, "spec", "progressDeadlineSeconds")
    progress = judgement.condition(found, "Progressing")
    done = progress is not None and progress.get("reason") == "NewReplicaSetAvailable"
    if not done and deadline not in (None, NO_DEADLINE):
        return None
    if not judgement.holds(found, "Available"):
        return None
    return judgement.healthy(f"{available} of {want} pods are available" if want else "is scaled to 0")


def _generations(found: document.Json, relatives: family.Family) -> Generations:
    revision = document.text(found, "metadata", "annotations", REVISION)
    new: list[document.Json] = []
    old: list[document.Json] = []
    for one in relatives.children(family.REPLICA_SET, of=found):
        if not document.number(one, "status", "replicas") and not document.number(one, "spec", "replicas"):
            continue
        newest = document.text(one, "metadata", "annotations", REVISION) == revision
        (new if newest else old).extend(relatives.children(family.POD, of=one))
    return Generations(tuple(filter(pods.active, new)), tuple(filter(pods.active, old)))


def _failing_before(old: Sequence[document.Json], patience: judgement.Patience) -> str:
    """The name of a pod of the previous version that fails while none of them serves; '' when there is none."""
    if any(pods.ready(pod) for pod in old):
        return ""
    return next((family.name(pod) for pod in old if pods.stumbling(pod, patience)), "")


def _progress(found: document.Json, generations: Generations) -> str:
    """As `kubectl rollout status` says it, with the pods' own words where one has stumbled."""
    want, status = replicas(found), document.mapping(found, "status")
    updated, total = document.number(status, "updatedReplicas"), document.number(status, "replicas")
    ready = sum(1 for pod in generations.new if pods.ready(pod))
    if ready >= want and total > updated:
        return f"{judgement.count(total - updated, 'old pod')} still to go"
    if ready >= want:
        return f"{document.number(status, 'availableReplicas')} of {want} new pods are available"
    return f"{ready} of {want} new pods are ready{stumbles(generations.new)}"


def stumbles(new: Sequence[document.Json]) -> str:
    """What the first pod that is not ready says, in brackets."""
    patient = judgement.Patience(restarts=1, spent=0.0, deadline=1.0, observing=False)
    for pod in new:
        if not pods.ready(pod):
            return f" ({pods.judge(pod, patient).because})"
    return ""
