"""The fold, the observation window and its probes, and how often anything is decoded."""

from typing import Any

import pytest

from reconciler.model import health, ids, live, targets
from reconciler.verify import report
from tests.verify import examples

STATE = health.State
RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD
URL = "http://web.example/healthz?token=s3cret"
PROBE = targets.HttpProbe(URL, (200,), interval=10.0, timeout=5.0, failures=3)
PROBED = targets.Verification(progress_deadline=600.0, observe=60.0, restarts=3, probes=(PROBE,))
UPDATED = ("True", "ReplicaSetUpdated")


def part(state: health.State, name: str = "web", blame: health.Blame | None = None) -> health.Health:
    return health.Health(ids.ObjectKey("apps", "Deployment", "web", name), state, "so", blame)


@pytest.mark.parametrize(
    ("parts", "state", "blame", "because"),
    [
        ([], STATE.HEALTHY, None, "nothing here has a health of its own"),
        ([part(STATE.HEALTHY)], STATE.HEALTHY, None, "1 object is healthy"),
        ([part(STATE.HEALTHY)] * 3, STATE.HEALTHY, None, "3 objects are healthy"),
        (
            [part(STATE.HEALTHY), part(STATE.SUSPENDED, "b")],
            STATE.SUSPENDED,
            None,
            "1 object is healthy; Deployment b: so",
        ),
        ([part(STATE.SUSPENDED), part(STATE.PROGRESSING, "b")], STATE.PROGRESSING, None, "Deployment b: so"),
        ([part(STATE.PROGRESSING), part(STATE.MISSING, "b")], STATE.MISSING, None, "Deployment b: so"),
        ([part(STATE.MISSING), part(STATE.DEGRADED, "b", WORLD)], STATE.DEGRADED, WORLD, "Deployment b: so"),
        (
            [part(STATE.DEGRADED, "a", WORLD), part(STATE.DEGRADED, "b", RELEASE)],
            STATE.DEGRADED,
            RELEASE,
            "Deployment b: so",
        ),
        (
            [part(STATE.PROGRESSING, name) for name in "abcde"],
            STATE.PROGRESSING,
            None,
            "Deployment a: so; Deployment b: so; Deployment c: so; and 2 more",
        ),
    ],
)
def test_the_worst_part_speaks(
    parts: list[health.Health], state: health.State, blame: health.Blame | None, because: str
) -> None:
    seen = report.fold(tuple(parts))
    assert (seen.state, seen.blame, seen.because) == (state, blame, because)


def sampled(*answers: bool | None) -> list[health.ProbeSample]:
    return [health.ProbeSample(URL, float(at), ok, "answered") for at, ok in enumerate(answers)]


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ((), STATE.UNKNOWN),
        ((True,), STATE.HEALTHY),
        ((None,), STATE.UNKNOWN),
        ((True, None), STATE.UNKNOWN),
        ((True, False), STATE.UNKNOWN),
        ((True, False, False), STATE.UNKNOWN),
        ((True, False, False, False), STATE.DEGRADED),
        ((False, None, False, False), STATE.DEGRADED),
        ((False, False, False, None), STATE.DEGRADED),
        ((False, False, False, True), STATE.HEALTHY),
        ((False, False, True, False), STATE.UNKNOWN),
    ],
)
def test_probes_while_observing(answers: tuple[bool | None, ...], state: health.State) -> None:
    seen = examples.reported([examples.deployment()], observing=True, verification=PROBED, samples=sampled(*answers))
    assert seen.state is state
    assert seen.blame is (RELEASE if state is STATE.DEGRADED else None)
    assert "s3cret" not in seen.because


def test_probes_count_only_while_observing_and_only_their_own_samples() -> None:
    failed = sampled(False, False, False)
    assert examples.reported([examples.deployment()], verification=PROBED, samples=failed).state is STATE.HEALTHY
    others = [health.ProbeSample("http://other.example/", 1.0, True, "answered 200")]
    seen = examples.reported([examples.deployment()], observing=True, verification=PROBED, samples=others)
    assert (seen.state, seen.because) == (STATE.UNKNOWN, "HttpProbe http://web.example/healthz: has not been asked yet")


def test_the_evidence_is_counted() -> None:
    seen = examples.reported([examples.deployment()], observing=True, verification=PROBED, samples=sampled(True))
    assert seen.because == "1 object is healthy, 1 probe answered"


def test_a_probe_that_cannot_be_asked_does_not_hide_a_relapse() -> None:
    relapsed = examples.deployment(available=1)
    seen = examples.reported([relapsed], observing=True, verification=PROBED, samples=sampled(None))
    assert seen.state is STATE.PROGRESSING


def growing(**status: Any) -> health.Report:
    """A complete rollout of one pod that is being scaled to three; `status` is that of the first pod."""
    progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    owner = examples.deployment(want=3, updated=3, total=3, available=1)
    owner["status"]["conditions"] = [progressing | {"lastUpdateTime": "2026-01-01T10:00:05Z"}]
    new_set = examples.replica_set(owner, 2, replicas=3)
    first = examples.pod(new_set, "first", **status)
    more = [examples.pod(new_set, name, **examples.waiting("ContainerCreating")) for name in ("b", "c")]
    for pod, second in zip((first, *more), ("05", "06", "07"), strict=True):
        pod["metadata"]["creationTimestamp"] = f"2026-01-01T10:00:{second}Z"
    return examples.reported([owner], new_set, first, *more, observing=True)


def test_scaling_in_the_observation_window_is_no_relapse() -> None:
    assert growing().state is STATE.HEALTHY
    assert growing().parts[0].because == "1 pod ready, 2 more starting"
    assert growing(**examples.unready()).state is STATE.PROGRESSING
    assert growing(**examples.crashed(3)).blame is RELEASE


def test_foreign_pods_are_not_decoded() -> None:
    owner = examples.deployment(updated=1, total=2, available=1, progressing=UPDATED)
    new_set = examples.replica_set(owner, 2)
    held = examples.held(owner, new_set, examples.pod(new_set))
    foreign = examples.pod(None, "foreign")
    foreign["metadata"]["labels"] = {"app": "other"}
    for key, one in examples.held(foreign).items():
        held[key] = live.LiveObject(one.meta, b"{ not even JSON")
    wanted = [examples.manifest(owner)]
    seen = report.report(wanted, held, verification=examples.VERIFICATION, spent=1.0, samples=(), observing=False)
    assert seen.because.startswith("Deployment web: 1 of 2 new pods are ready")
