"""What all settings share: strictness, where they were read, and complaints that name the place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from pydantic import BaseModel, ConfigDict, PrivateAttr
from pydantic.alias_generators import to_camel

Path = tuple[str | int, ...]
"""Where in a file: `("environments", "production", "prune")`, keys as the file writes them."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong at a place of a file; `text` is `what is wrong; remedy`."""

    at: Path
    text: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that settings were read from. Never part of a comparison: a comment more is no other setting."""

    where: str = field(compare=False)
    line: Callable[[Path], int] = field(compare=False)
    """The line of a path, or of its nearest parent that the file holds."""

    def place(self, at: Path) -> str:
        return f"{self.where}:{self.line(at)}"

    def sentence(self, complaint: Complaint) -> str:
        """`config/deployment-config.yaml:12: clusters.main: is required; add it`."""
        return f"{self.place(complaint.at)}: {dotted(complaint.at)}: {complaint.text}"


class Settings(BaseModel):
    """Base of every shape: camelCase in the file, no unknown key, nothing changes after it was read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=to_camel,
        allow_inf_nan=False,
    )

    _origin: Origin = PrivateAttr(default=Origin("(not read from a file)", lambda _: 0))

    @property
    def origin(self) -> Origin:
        """Set on what `loading.load` returned; the parts inside know no origin of their own."""
        return self._origin

    def read_from(self, origin: Origin) -> Self:
        self._origin = origin
        return self

    @classmethod
    def across(cls, raw: object) -> Iterator[Complaint]:
        """Complaints about fields that do not fit each other.

        Asked of the raw value, whatever its shape, and not of the finished model: a model with one bad field never
        gets finished, and all complaints are wanted at once.
        """
        yield from ()


def dotted(at: Path) -> str:
    """`source.chart.valuesFiles[0]`; `the file` for the top."""
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "the file"


def inside(raw: object, *path: str) -> object:
    """What lies at `path` of nested mappings; None where there is nothing, or no mapping."""
    for part in path:
        raw = raw.get(part) if isinstance(raw, dict) else None
    return raw


def names(raw: object, key: str) -> tuple[str, ...]:
    """The keys of the mapping under `key`; none when it is no mapping."""
    found = inside(raw, key)
    return tuple(str(name) for name in found) if isinstance(found, dict) else ()
