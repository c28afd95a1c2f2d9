"""Every row of rows.toml is met by a test that carries its id, or has a reason why it cannot happen here."""

import ast
import pathlib
import tomllib
from collections.abc import Iterator

TESTS = pathlib.Path(__file__).parents[1]
ROWS: dict[str, dict[str, str]] = tomllib.loads((TESTS / "hostile/rows.toml").read_text())
CANNOT_BE_MET = ROWS.pop("cannot-be-met")
KNOWN = {row for part in ROWS.values() for row in part}


def marks(source: str) -> Iterator[str]:
    """The ids in each `pytest.mark.row(…)`, above a test or on one case of its table."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.row":
            yield from (ast.literal_eval(argument) for argument in node.args)


def test_every_row_has_a_test_or_a_reason() -> None:
    carried = {row for path in TESTS.rglob("test_*.py") for row in marks(path.read_text())}
    assert carried - KNOWN == set(), "marks of rows that nobody described"
    assert KNOWN - carried - set(CANNOT_BE_MET) == set(), "rows that no test meets"
    assert carried & set(CANNOT_BE_MET) == set(), "what is met can be met"


def test_reasons_belong_to_rows_and_say_something() -> None:
    assert set(CANNOT_BE_MET) <= KNOWN
    assert all(" " in sentence for part in (*ROWS.values(), CANNOT_BE_MET) for sentence in part.values())


def test_marks_are_found_wherever_they_stand() -> None:
    source = '@pytest.mark.row("A", "B")\ndef test_a(): ...\nCASES = [pytest.param(1, marks=pytest.mark.row("C"))]\n'
    assert sorted(marks(source)) == ["A", "B", "C"]
