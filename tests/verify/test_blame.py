"""Whose failure is it? Every row of the table in E0, seen through the pods of a Deployment."""

from typing import Any

import pytest

from reconciler.model import health
from tests.verify import examples

RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD

NOT_FOUND = 'failed to pull and unpack image "docker.io/x/web:2": docker.io/x/web:2: not found'
DENIED = "pull access denied, repository does not exist or may require authorization: 403 Forbidden"
PULL = 'Back-off pulling image "web:2": ErrImagePull: failed to do request: Head "https://r.example/v2/": '


def rolling(*pods: examples.Doc, old: tuple[examples.Doc, ...] = (), **how: Any) -> health.Report:
    """A Deployment in the middle of its rollout, whose new pods have these statuses; `old` are those of the previous
    version."""
    owner = examples.deployment(updated=1, total=3, available=0, progressing=("True", "ReplicaSetUpdated"))
    new_set, old_set = examples.replica_set(owner, 2), examples.replica_set(owner, 1)
    others = [examples.pod(new_set, f"new-{number}", **status) for number, status in enumerate(pods)]
    others += [examples.pod(old_set, f"old-{number}", **status) for number, status in enumerate(old)]
    return examples.reported([owner], new_set, old_set, *others, **how)


RELEASES = {
    "image not found": examples.waiting("ErrImagePull", NOT_FOUND),
    "image not found, backing off": examples.waiting("ImagePullBackOff", "Back-off pulling image"),
    "image not permitted": examples.waiting("ErrImagePull", DENIED),
    "image name is none": examples.waiting("InvalidImageName", "couldn't parse image name"),
    "image never pulled": examples.waiting("ErrImageNeverPull", "not present with pull policy of Never"),
    "restarts with an exit": examples.crashed(3),
    "restarts with a clean exit": examples.crashed(3, reason="Completed", code=0),
    "restarts by memory": examples.crashed(4, reason="OOMKilled", code=137),
    "up again, not ready, after restarts": examples.unready(
        containerStatuses=[examples.container(restarts=3, last={"exitCode": 2, "reason": "Error"})]
    ),
    "init container crashes": examples.unready(
        initContainerStatuses=[examples.container(restarts=3, last={"exitCode": 1, "reason": "Error"})]
    ),
    "configuration is not there": examples.waiting("CreateContainerConfigError", 'secret "web" not found'),
}

WORLDS = {
    "registry time-out": examples.waiting("ImagePullBackOff", PULL + "dial tcp 10.0.0.1:443: i/o timeout"),
    "registry refuses connections": examples.waiting("ErrImagePull", PULL + "dial tcp: connect: connection refused"),
    "registry handshake": examples.waiting("ErrImagePull", PULL + "net/http: TLS handshake timeout"),
    "registry 500": examples.waiting("ErrImagePull", PULL + "unexpected status: 500 Internal Server Error"),
    "registry 503": examples.waiting("ErrImagePull", PULL + "unexpected status code 503"),
    "registry 429": examples.waiting("ErrImagePull", "toomanyrequests: You have reached your pull rate limit"),
    "registry down": examples.waiting("RegistryUnavailable", "registry is not available"),
    "configuration cannot be read": examples.waiting(
        "CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"
    ),
    "unschedulable": {
        "phase": "Pending",
        "conditions": examples.conditions(PodScheduled=("False", "Unschedulable", "0/3 nodes are available")),
    },
    "node does not answer": examples.unready(
        conditions=examples.conditions(Ready="False", ContainersReady="True"), containerStatuses=[]
    ),
    "node does not answer, with a reason": {"conditions": examples.conditions(Ready=("False", "NodeNotReady"))},
    "node lost": {"phase": "Unknown", "reason": "NodeLost", "conditions": []},
    "drained": examples.unready(
        conditions=examples.conditions(Ready="False", DisruptionTarget=("True", "EvictionByEvictionAPI", "evicted"))
    ),
}

WAITED_FOR = {
    "starting": examples.waiting("ContainerCreating"),
    "not ready": examples.unready(containerStatuses=[examples.container()]),
    "one restart too few": examples.crashed(2),
    "a node that rebooted": examples.crashed(5, reason="Unknown", code=255),
    "restarts of another month": examples.crashed(
        7, startedAt="2026-01-01T00:00:00Z", finishedAt="2026-01-20T00:00:00Z"
    ),
}


@pytest.mark.parametrize("status", RELEASES.values(), ids=RELEASES.keys())
def test_the_release_is_to_blame(status: examples.Doc) -> None:
    report = rolling(status, old=({},))
    assert (report.state, report.blame) == (health.State.DEGRADED, RELEASE), report.because
    assert report.because.startswith("Deployment web: pod new-0")


@pytest.mark.parametrize("status", WORLDS.values(), ids=WORLDS.keys())
def test_the_world_is_to_blame(status: examples.Doc) -> None:
    report = rolling(status, old=({},))
    assert (report.state, report.blame) == (health.State.DEGRADED, WORLD), report.because


@pytest.mark.parametrize("status", WAITED_FOR.values(), ids=WAITED_FOR.keys())
def test_nobody_is_to_blame_yet(status: examples.Doc) -> None:
    assert rolling(status, old=({},)).state is health.State.PROGRESSING


@pytest.mark.parametrize("status", [WORLDS["unschedulable"], RELEASES["configuration is not there"]])
def test_what_may_come_a_moment_later_is_waited_for(status: examples.Doc) -> None:
    assert rolling(status, old=({},), spent=14.0).state is health.State.PROGRESSING


def test_pods_of_the_previous_version_failing_too_make_it_the_world_s() -> None:
    report = rolling(examples.crashed(3), old=(examples.crashed(1),))
    assert (report.state, report.blame) == (health.State.DEGRADED, WORLD)
    assert "old-0 of the previous version fails too" in report.because


def test_one_serving_pod_of_the_previous_version_keeps_it_the_release_s() -> None:
    assert rolling(examples.crashed(3), old=(examples.crashed(1), {})).blame is RELEASE


def test_a_previous_version_that_was_never_good_is_no_evidence() -> None:
    assert rolling(examples.crashed(3), old=(examples.crashed(1),), unproven=True).blame is RELEASE
    status = WAITED_FOR["not ready"]
    assert rolling(status, old=(status,), spent=600.0, unproven=True).state is health.State.PROGRESSING  # then it fails


def test_the_release_outweighs_the_world() -> None:
    assert rolling(WORLDS["unschedulable"], examples.crashed(3), old=({},)).blame is RELEASE


def test_never_ready_while_the_previous_version_is_not_ready_either_is_the_world_s() -> None:
    status = WAITED_FOR["not ready"]
    assert rolling(status, old=(status,), spent=599.0).state is health.State.PROGRESSING
    assert rolling(status, old=(status,), spent=600.0).blame is WORLD
    assert rolling(status, old=({},), spent=600.0).state is health.State.PROGRESSING  # the rollout fails by itself


@pytest.mark.parametrize(
    ("message", "blame"),
    [
        ('pods "web-x" is forbidden: exceeded quota: small, requested: cpu=1, used: cpu=1, limited: cpu=1', WORLD),
        ('Internal error occurred: failed calling webhook "x.example": connection refused', WORLD),
        ('admission webhook "policy.example" denied the request: no privileged pods', RELEASE),
        ('pods "web-x" is forbidden: violates PodSecurity "restricted:latest"', RELEASE),
    ],
)
def test_pods_that_cannot_be_created(message: str, blame: health.Blame) -> None:
    extra = {"ReplicaFailure": ("True", "FailedCreate", message)}
    owner = examples.deployment(updated=0, available=0, progressing=("True", "ReplicaSetUpdated"), extra=extra)
    report = examples.reported([owner])
    assert (report.state, report.blame) == (health.State.DEGRADED, blame)


def test_the_reason_is_one_a_person_enjoys() -> None:
    assert rolling(examples.crashed(4, reason="OOMKilled", code=137)).because == (
        "Deployment web: pod new-0: container app has restarted 4 times, last because it used more memory than its"
        " limit (OOMKilled)"
    )
    assert rolling(examples.crashed(3)).because == (
        "Deployment web: pod new-0: container app has restarted 3 times, last with exit code 1"
    )
