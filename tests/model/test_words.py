"""Every word has a meaning, and what was mistyped finds it."""

import pytest

from reconciler.model import outcomes, records, words


def test_every_word_is_explained() -> None:
    assert set(words.OUTCOMES) == set(outcomes.Outcome)
    assert set(words.EVENTS) == set(records.EventKind)
    assert all(one.meaning and (one.ends or one.sort is words.Sort.EVENT) for one in words.ALL)


@pytest.mark.parametrize(
    ("word", "sorts"),
    [
        ("quarantined", ["hold", "event"]),
        ("held", ["outcome", "event"]),
        ("Rollout failed", ["event"]),
        ("rollout_failed", ["event"]),
        ("nothing", []),
        ("", []),
    ],
)
def test_all_meanings_of_a_word(word: str, sorts: list[str]) -> None:
    assert [found.sort.value for found in words.find(word)] == sorts


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("quarantine", "quarantined"),
        ("prune-limits", "prune-limit"),
        ("drift", "drift-seen"),
        ("limit", "prune-limit"),
        ("xyzzy", None),
        ("a", None),
    ],
)
def test_what_was_probably_meant(word: str, first: str | None) -> None:
    assert next(iter(words.near(word)), None) == first
