"""Jobs: success only on Complete, and a Job that its TTL took away."""

from typing import Any

import pytest

from reconciler.model import health
from reconciler.verify import report
from tests.verify import examples

STATE = health.State
FAILED = examples.conditions(Failed=("True", "BackoffLimitExceeded", "it has reached its limit"))
LOST = {"phase": "Failed", "reason": "NodeShutdown", "conditions": []}
EXITED = {
    "phase": "Failed",
    "conditions": [],
    "containerStatuses": [{"name": "migrate", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}],
}


def job(spec: examples.Doc | None = None, **status: Any) -> examples.Doc:
    wanted = {"selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "uid-Job-web"}}, **(spec or {})}
    return examples.found("batch/v1", "Job", spec=wanted, status=status)


@pytest.mark.parametrize(
    ("found", "state", "because"),
    [
        (job(conditions=examples.conditions(Complete="True")), STATE.HEALTHY, "1 object is healthy"),
        (job(active=1), STATE.PROGRESSING, "Job web: 0 of 1 completions, 1 pod running"),
        (job(), STATE.PROGRESSING, "Job web: 0 of 1 completions, 0 pods running"),
        (
            job({"completions": 3}, active=2, succeeded=1, failed=1),
            STATE.PROGRESSING,
            "Job web: 1 of 3 completions, 2 pods running, 1 failed",
        ),
        (
            job(conditions=FAILED),
            STATE.DEGRADED,
            "Job web: has failed (BackoffLimitExceeded: it has reached its limit)",
        ),
        (
            job({"suspend": True}),
            STATE.SUSPENDED,
            "Job web: is suspended: it does not run until `spec.suspend` goes",
        ),
    ],
)
def test_its_conditions(found: examples.Doc, state: health.State, because: str) -> None:
    seen = examples.reported([found])
    assert (seen.state, seen.because) == (state, because)
    assert seen.blame is (health.Blame.RELEASE if state is STATE.DEGRADED else None)


@pytest.mark.parametrize(
    ("status", "pods", "state", "blame"),
    [
        ({"conditions": FAILED}, [EXITED], STATE.DEGRADED, health.Blame.RELEASE),
        ({"conditions": FAILED}, [LOST], STATE.DEGRADED, health.Blame.WORLD),
        ({"conditions": FAILED}, [LOST, EXITED], STATE.DEGRADED, health.Blame.RELEASE),
        ({"active": 1}, [EXITED, {}], STATE.PROGRESSING, None),
        ({"active": 1}, [examples.crashed(9)], STATE.PROGRESSING, None),  # it counts its tries itself
        ({"active": 1}, [examples.waiting("ErrImagePull", "not found")], STATE.DEGRADED, health.Blame.RELEASE),
        ({"active": 1}, [examples.waiting("ErrImagePull", "i/o timeout")], STATE.DEGRADED, health.Blame.WORLD),
    ],
)
def test_its_pods(
    status: examples.Doc, pods: list[examples.Doc], state: health.State, blame: health.Blame | None
) -> None:
    found = job(**status)
    seen = examples.reported([found], *(examples.pod(found, f"web-{n}", **pod) for n, pod in enumerate(pods)))
    assert (seen.state, seen.blame) == (state, blame)


def test_the_exit_code_is_said() -> None:
    found = job(conditions=FAILED)
    because = examples.reported([found], examples.pod(found, **EXITED)).because
    assert because.endswith("pod web-x has failed: container migrate ended with exit code 2")


@pytest.mark.parametrize(
    ("ttl", "observing", "state"),
    [
        (None, False, STATE.MISSING),
        (None, True, STATE.MISSING),
        (100, False, STATE.SUSPENDED),  # a failure would have been seen, and have ended the rollout
        (0, False, STATE.MISSING),  # how it ended was never seen
        (0, True, STATE.SUSPENDED),  # the window opens only after its success
    ],
)
def test_a_job_that_is_gone(ttl: int | None, observing: bool, state: health.State) -> None:
    wanted = examples.manifest(job({"ttlSecondsAfterFinished": ttl} if ttl is not None else {}))
    seen = report.report([wanted], {}, verification=examples.VERIFICATION, spent=30.0, samples=(), observing=observing)
    assert seen.state is state
