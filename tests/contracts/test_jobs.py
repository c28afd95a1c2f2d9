"""Jobs end as Kubernetes ends them, in its words and numbers."""

from typing import Any

import pytest

from tests.contracts.release import JOB, POD, Release, plain, saying
from tests.contracts.worlds import World

TRACKING = "batch.kubernetes.io/job-tracking"


@pytest.fixture
def release(world: World) -> Release:
    return Release(world)


def said(reason: str, message: str, *kinds: str) -> dict[str, Any]:
    return {kind: {"status": "True", "reason": reason, "message": message} for kind in kinds}


COMPLETE = said("CompletionsReached", "Reached expected number of succeeded pods", "SuccessCriteriaMet", "Complete")
TOO_OFTEN = said("BackoffLimitExceeded", "Job has reached the specified backoff limit", "FailureTarget", "Failed")
TOO_LONG = said("DeadlineExceeded", "Job was active longer than specified deadline", "FailureTarget", "Failed")


async def end(release: Release, kind: str) -> dict[str, Any]:
    await release.until(lambda: saying(release.status(JOB), kind)[0] == "True", f"the condition {kind}")
    return dict(plain(release.status(JOB)))


@pytest.mark.parametrize(
    ("image", "spec", "kind", "status"),
    [
        ("job:v1", {}, "Complete", {"succeeded": 1, "conditions": COMPLETE}),
        ("job:v1", {"completions": 3, "parallelism": 2}, "Complete", {"succeeded": 3, "conditions": COMPLETE}),
        (
            "job:v1",
            {"completionMode": "Indexed", "completions": 3, "parallelism": 3},
            "Complete",
            {"succeeded": 3, "completedIndexes": "0-2", "conditions": COMPLETE},
        ),
        ("job:v1-job-fails", {"backoffLimit": 0}, "Failed", {"failed": 1, "conditions": TOO_OFTEN}),
        (
            "job:v1-crash-loop",
            {"backoffLimit": 2, "restart": "OnFailure"},
            "Failed",
            {"failed": 1, "conditions": TOO_OFTEN},
        ),
        (
            "job:v1-never-ready",
            {"activeDeadlineSeconds": 1},
            "Failed",
            {"failed": 1, "conditions": TOO_LONG},
        ),
    ],
    ids=["complete", "three-completions", "indexed", "fails", "crashes", "too-long"],
)
async def test_how_a_job_ends(
    release: Release, image: str, spec: dict[str, Any], kind: str, status: dict[str, Any]
) -> None:
    await release.job(image, **spec)
    assert await end(release, kind) == {"ready": 0, "terminating": 0, "uncountedTerminatedPods": {}, **status}
    if kind == "Complete":
        assert "completionTime" in release.status(JOB)


async def test_a_job_s_pods_are_marked_and_held_until_they_are_counted(release: Release) -> None:
    await release.job("job:v1-image-pull-error")
    await release.until(lambda: release.status(JOB).get("active") == 1, "an active pod")
    (found,) = release.pods()
    job = release.one(JOB)
    assert job is not None
    own = job["metadata"]["uid"]
    assert found["metadata"]["finalizers"] == [TRACKING]
    assert found["metadata"]["labels"] == {
        "app": "web",
        "job-name": "web",
        "controller-uid": own,
        "batch.kubernetes.io/job-name": "web",
        "batch.kubernetes.io/controller-uid": own,
    }
    assert plain(release.status(JOB)) == {
        "active": 1,
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
    }


async def test_counted_pods_stay_and_are_let_go(release: Release) -> None:
    await release.job("job:v1")
    await end(release, "Complete")
    (found,) = release.pods()
    assert found["status"]["phase"] == "Succeeded"
    await release.until(lambda: "finalizers" not in release.pods()[0]["metadata"], "no finalizer")


async def test_a_suspended_job_has_no_pods_until_it_resumes(release: Release) -> None:
    await release.job("job:v1-never-ready", suspend=True)
    suspended = ("True", "JobSuspended")
    await release.until(lambda: saying(release.status(JOB), "Suspended") == suspended, "the suspension")
    assert (release.pods(), "startTime" in release.status(JOB)) == ([], False)
    await release.job("job:v1-never-ready", suspend=False)
    await release.until(lambda: release.status(JOB).get("active") == 1, "an active pod")
    assert saying(release.status(JOB), "Suspended") == ("False", "JobResumed")
    await release.job("job:v1-never-ready", suspend=True)
    await release.until(lambda: not release.all(POD), "the end of its pod")
    await release.until(lambda: saying(release.status(JOB), "Suspended") == suspended, "the second suspension")
    assert plain(release.status(JOB)).get("failed") is None


async def test_a_finished_job_goes_when_its_time_is_over(release: Release) -> None:
    await release.job("job:v1", ttlSecondsAfterFinished=1)
    await release.until(lambda: release.one(JOB) is not None, "the Job")
    await release.until(lambda: release.one(JOB) is None, "the Job's end")
    await release.until(lambda: not release.all(POD), "its pod's end")


async def test_a_job_that_is_deleted_takes_its_pods_along(release: Release) -> None:
    await release.job("job:v1-never-ready", completions=2, parallelism=2)
    await release.until(lambda: release.status(JOB).get("active") == 2, "two active pods")
    release.remove("Job", "web", api_version="batch/v1")
    await release.until(lambda: release.one(JOB) is None and not release.all(POD), "the end of all")
