"""A hook has succeeded when it has ended: a Pod that runs well has not."""

from dataclasses import replace

import pytest

from reconciler.model import health
from reconciler.verify import family, hooks, judgement
from tests.verify import examples

STATE = health.State
PATIENCE = judgement.Patience(restarts=3, spent=0.0, deadline=600.0, observing=False)
READY = examples.conditions(Ready="True", ContainersReady="True")
COMPLETE = examples.conditions(Complete="True")


def made(kind: str, status: examples.Doc | None = None, spec: examples.Doc | None = None) -> examples.Doc:
    version = {"Job": "batch/v1"}.get(kind, "v1")
    return examples.found(version, kind, spec=spec or {}, status=status or {})


@pytest.mark.parametrize(
    ("found", "state", "because"),
    [
        (made("Job", {"conditions": COMPLETE}), STATE.HEALTHY, "has completed"),
        (made("Job", {"active": 1}), STATE.PROGRESSING, "0 of 1 completions, 1 pod running"),
        (
            made("Pod", {"phase": "Running", "conditions": READY}),
            STATE.PROGRESSING,
            "is running, and has not ended yet",
        ),
        (made("Pod", {"phase": "Succeeded"}), STATE.HEALTHY, ""),
        (made("ConfigMap"), STATE.HEALTHY, "exists"),
    ],
)
def test_what_is_there(found: examples.Doc, state: health.State, because: str) -> None:
    manifest = examples.manifest(found)
    seen = hooks.assess(manifest, found, relatives=family.Family({}), patience=PATIENCE)
    assert seen.state is state
    assert because in seen.because


@pytest.mark.parametrize(("spent", "state"), [(29.0, STATE.PROGRESSING), (30.0, STATE.HEALTHY)])
def test_a_custom_resource_that_says_nothing_is_no_hook_to_wait_for(spent: float, state: health.State) -> None:
    """It does not run to an end, and nothing more will be said of it."""
    found = examples.found("example.com/v1", "Backup")
    patience = replace(PATIENCE, spent=spent)
    seen = hooks.assess(examples.manifest(found), found, relatives=family.Family({}), patience=patience)
    assert seen.state is state
    assert seen.because.startswith("exists; it has no status")


@pytest.mark.parametrize(
    ("wanted", "state", "because"),
    [
        (made("Job"), STATE.MISSING, "was deleted before it had ended"),
        (made("Pod"), STATE.MISSING, "was deleted before it had ended"),
        (made("Job", spec={"ttlSecondsAfterFinished": 60}), STATE.SUSPENDED, "has finished and was removed"),
        (
            made("Job", spec={"ttlSecondsAfterFinished": 0}),
            STATE.MISSING,
            "give it a `ttlSecondsAfterFinished` of at least",
        ),
        (made("ConfigMap"), STATE.MISSING, "is not there"),
    ],
)
def test_what_is_gone(wanted: examples.Doc, state: health.State, because: str) -> None:
    seen = hooks.assess(examples.manifest(wanted), None, relatives=family.Family({}), patience=PATIENCE)
    assert seen.state is state
    assert because in seen.because
