"""What all workloads share: their pods by version, and whose failure it is when those do not come up."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import document, health
from reconciler.verify import family, judgement, pods

WORLDLY_FAILURES = ("exceeded quota", "failed calling webhook", "timed out", "timeout", "connection refused")
"""In the message of `ReplicaFailure`: why no pod could be made though nothing is wrong with it. Anything else (a policy
or a webhook that said no, an invalid pod) is the release's."""


@dataclass(frozen=True, slots=True)
class Generations:
    """The pods of a workload, by version: `new` are of its present template, `old` are the others. Finished ones and
    those being deleted are in neither."""

    new: tuple[document.Json, ...]
    old: tuple[document.Json, ...] = ()

    @classmethod
    def split(cls, own: Iterable[document.Json], is_new: Callable[[document.Json], bool]) -> "Generations":
        new: list[document.Json] = []
        old: list[document.Json] = []
        for pod in filter(pods.active, own):
            (new if is_new(pod) else old).append(pod)
        return cls(tuple(new), tuple(old))

    @property
    def ready(self) -> int:
        """How many new pods are ready."""
        return sum(1 for pod in self.new if pods.ready(pod))

    @property
    def old_serves(self) -> bool:
        return any(pods.ready(pod) for pod in self.old)


def replicas(found: Mapping[str, document.JsonValue]) -> int:
    """The number of pods wanted: 1 where the object does not say."""
    wanted = document.at(found, "spec", "replicas")
    return wanted if isinstance(wanted, int) else 1


def failing(generations: Generations, patience: judgement.Patience) -> judgement.Judgement | None:
    """The worst failure among the newest pods; None when none fails.

    When no pod of the previous version serves and one of them fails as well, it is not the new version's doing: a
    database is down, a shared configuration is broken. Of a previous version that was never good that is no evidence.
    """
    found = pods.worst(pods.judge(pod, patience) for pod in generations.new)
    if found is None or found.state is not health.State.DEGRADED:
        return None
    if found.blame is health.Blame.RELEASE and not generations.old_serves and not patience.unproven:
        fellow = next((pod for pod in generations.old if pods.stumbling(pod, patience)), None)
        if fellow is not None:
            return judgement.troubled(f"{found.because}; pod {family.name(fellow)} of the previous version fails too")
    return found


def late(said: str, generations: Generations, patience: judgement.Patience) -> judgement.Judgement:
    """What is not ready in time is the release's failure, unless the previous version does not serve either."""
    return _unserved(said, generations, patience) or judgement.failed(said)


def coming(said: str, generations: Generations, patience: judgement.Patience) -> judgement.Judgement:
    """Not ready yet. Past its deadline the rollout fails by itself, with the blame on the release; what speaks against
    that is said here."""
    expired = patience.spent >= patience.deadline and not patience.observing
    return (_unserved(said, generations, patience) if expired else None) or judgement.progressing(said)


def _unserved(said: str, generations: Generations, patience: judgement.Patience) -> judgement.Judgement | None:
    if not generations.old or generations.old_serves or patience.unproven:
        return None
    return judgement.troubled(f"{said}; no pod of the previous version is ready either")


def not_created(found: document.Json) -> judgement.Judgement | None:
    """Pods that could not even be made (the condition ReplicaFailure)."""
    seen = judgement.condition(found, "ReplicaFailure")
    if seen is None or seen.get("status") != "True":
        return None
    said = f"its pods cannot be created{judgement.because_of(seen)}"
    message = document.text(seen, "message").lower()
    return judgement.troubled(said) if any(word in message for word in WORLDLY_FAILURES) else judgement.failed(said)


def ready_of(want: int, generations: Generations, patience: judgement.Patience) -> str:
    """`2 of 5 new pods are ready`, with what the first of the others says."""
    return f"{generations.ready} of {want} new pods are ready{stumble(generations.new, patience)}"


def stumble(new: Sequence[document.Json], patience: judgement.Patience) -> str:
    """What the first pod that is not ready says, in brackets; '' when there is none."""
    for pod in new:
        if not pods.ready(pod):
            return f" ({pods.judge(pod, patience).because})"
    return ""
