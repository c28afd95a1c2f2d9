"""The mutants still fit the code; that tests notice them is shown by `make mutants`."""

import pytest

from tests.mutants import catalogue

MUTANTS = catalogue.mutants()
LEAST = 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_applies_to_a_place_and_names_tests(mutant: catalogue.Mutant) -> None:
    text = (catalogue.ROOT / mutant.file).read_text()
    changed = mutant.applied(text)
    assert changed != text
    compile(changed, mutant.file, "exec")
    assert mutant.tests
    assert all((catalogue.ROOT / test.partition("::")[0]).exists() for test in mutant.tests)


def test_there_are_enough_and_each_is_another() -> None:
    assert len(MUTANTS) >= LEAST
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
