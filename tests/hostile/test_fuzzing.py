"""A short part of `make fuzz`: everything that ever broke a parser, and the same few inputs each time (I11)."""

import os
import pathlib
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.hostile.fuzzing import __main__ as fuzzing
from tests.hostile.fuzzing import corpus, target

EACH = 60


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(*each, id=f"{each[0]}-{each[1].stem}") for each in corpus.known()]
)
def test_what_once_broke_something_does_not_any_more(name: str, path: pathlib.Path) -> None:
    corpus.TARGETS[name](corpus.load(path), within=target.VERY_SLOW)


@pytest.mark.parametrize("name", corpus.TARGETS)
@pytest.mark.row("YML-07", "YML-11")
def test_nothing_leaves_a_parser_but_its_own_errors(name: str) -> None:
    its = corpus.TARGETS[name]

    @hypothesis.settings(
        max_examples=EACH,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(its.inputs)
    def eat(given: Any) -> None:
        its(given, within=target.VERY_SLOW)

    eat()


def _for_ever(given: int) -> None:
    while True:
        given += 1


def _dies(given: int) -> None:
    os._exit(3)


def _breaks(given: int) -> None:
    raise KeyError(given)


@pytest.mark.parametrize(
    ("eat", "says"),
    [
        (_breaks, "KeyError"),
        (_dies, "it died with exit code 3"),
        (_for_ever, "TooSlow: more than 1 s of processor time"),
    ],
)
def test_what_it_looks_for_is_found_and_kept(
    eat: Any, says: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(corpus.TARGETS, "planted", target.Target("planted", st.integers(7, 7), eat))
    told = fuzzing.run("planted", seed=1, notes=tmp_path / "notes", folder=tmp_path / "corpus")
    assert says in told.found
    assert corpus.load(pathlib.Path(told.kept)) == 7


def test_inputs_of_every_kind_come_back_from_the_corpus(tmp_path: pathlib.Path) -> None:
    given = ({"a": [1, None, "é", {"$bytes": 1}]}, b"\xff", corpus.of_git.process.Stop.LATE)
    assert corpus.load(corpus.save("any", given, folder=tmp_path)) == given
