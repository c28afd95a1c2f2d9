"""The words of `--fault`."""

import pytest

from reconciler import errors
from reconciler.rehearsal import faults


@pytest.mark.parametrize(
    ("given", "pods"),
    [
        ([], {}),
        (["crash-loop"], {"behaviour": "crash-loop"}),
        (["slow-start"], {"ready-after": "90s"}),
        (["slow-start=5m"], {"ready-after": "5m"}),
        (["slow-start=10s", "never-ready"], {"ready-after": "10s", "behaviour": "never-ready"}),
    ],
)
def test_what_new_pods_get(given: list[str], pods: dict[str, str]) -> None:
    assert faults.parse(given).pods == pods


def test_deaths_are_of_the_daemon_and_not_of_pods() -> None:
    found = faults.parse(["killed@push", "crash-loop", "killed@apply", "killed@push"])
    assert (found.killed, found.pods) == (("killed@push", "killed@apply"), {"behaviour": "crash-loop"})
    assert set(faults.BOUNDARIES) == {word for word in faults.WORDS if word.startswith("killed@")}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["crash-lop"], "there is no fault crash-lop; did you mean 'crash-loop'?"),
        (["meteor"], "write one of: crash-loop, image-pull-error"),
        (["crash-loop=3"], "the fault crash-loop takes no value"),
        (["slow-start=soon"], "'soon' is no duration; write slow-start=90s"),
        (["slow-start=0s"], "is no duration"),
        (["crash-loop", "never-ready"], "one thing at a time"),
    ],
)
def test_refused(given: list[str], says: str) -> None:
    with pytest.raises(errors.InvalidInput, match=says.replace("?", r"\?")):
        faults.parse(given)
