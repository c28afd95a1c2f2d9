"""Where a person can return to."""

import dataclasses

import pytest

from reconciler.ending import destination
from reconciler.model import ids, records


def good(name: str, *, manifests: str = "") -> records.Good:
    return records.Good(name * 40, f"inputs-{name}", manifests or f"manifests-{name}", "2026-01-01T00:00:00Z")


A, B, C = good("a"), good("b"), good("c")
LEDGER = records.Ledger(ids.TargetKey("production", "web"), last_good=C, earlier=(B, A))


def quarantined(*names: str) -> records.Ledger:
    rows = tuple(records.Quarantine(f"inputs-{name}", name * 40, "slow", "2026-01-01T00:00:00Z") for name in names)
    return dataclasses.replace(LEDGER, quarantined=rows)


@pytest.mark.parametrize(
    ("ledger", "leaving", "expected"),
    [
        (LEDGER, "inputs-c", B),
        (LEDGER, "inputs-failing", C),  # a release under way: last good itself
        (quarantined("b"), "inputs-c", A),
        (quarantined("a", "b"), "inputs-c", None),
        (dataclasses.replace(LEDGER, earlier=()), "inputs-c", None),
        (dataclasses.replace(LEDGER, last_good=None, earlier=()), "inputs-failing", None),
        # The same objects by other inputs: going there would change nothing.
        (dataclasses.replace(LEDGER, earlier=(good("b", manifests="manifests-c"), A)), "inputs-c", A),
    ],
)
def test_the_good_one_before(ledger: records.Ledger, leaving: str, expected: records.Good | None) -> None:
    found = destination.before(ledger, leaving)
    assert found == expected if expected else isinstance(found, destination.Refusal)


@pytest.mark.parametrize(
    ("ledger", "digest", "expected"),
    [
        (LEDGER, "inputs-a", A),
        (LEDGER, "inputs-b", B),
        (LEDGER, "inputs-c", "already"),
        (LEDGER, "inputs-never", "was not good here"),
        (quarantined("a"), "inputs-a", "release-quarantine"),
    ],
)
def test_the_one_that_is_named(ledger: records.Ledger, digest: str, expected: records.Good | str) -> None:
    """By its inputs: another commit with the same content is the same release."""
    found = destination.named(ledger, "inputs-c", revision="f" * 40, digest=digest)
    if isinstance(expected, str):
        assert isinstance(found, destination.Refusal)
        assert expected in found.because
    else:
        assert found == expected


def test_only_what_was_good_before_stays_behind() -> None:
    returned = destination.returned(LEDGER, B)
    assert (returned.last_good, returned.earlier) == (B, (A,))


def test_each_good_is_remembered_once_and_not_for_ever() -> None:
    ledger = LEDGER
    for number in range(records.EARLIER + 5):
        ledger = ledger.proven(records.Good("f" * 40, f"inputs-{number}", "m", "2026-01-01T00:00:00Z"))
    assert len(ledger.earlier) == records.EARLIER
    again = LEDGER.proven(dataclasses.replace(A, revision="d" * 40))
    assert [found.input_digest for found in again.earlier] == ["inputs-c", "inputs-b"]
