"""The mutants and how one is applied."""

import pathlib
import tomllib
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`find`, which stands in `file` once, becomes `replace`: that breaks the invariant `breaks`."""

    name: str
    breaks: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """Raises ValueError when the place has gone or is there twice: the mutant has to follow the code."""
        if (count := text.count(self.find)) != 1:
            raise ValueError(f"mutant {self.name!r}: its place is in {self.file} {count} times, not once")
        return text.replace(self.find, self.replace)


def mutants() -> tuple[Mutant, ...]:
    listed = tomllib.loads((ROOT / "tests/mutants/mutants.toml").read_text())["mutant"]
    return tuple(Mutant(**{**found, "tests": tuple(found["tests"])}) for found in listed)
