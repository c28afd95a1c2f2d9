"""What became of each field: carried over, or without a counterpart and why. None is dropped in silence."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.model import document
from reconciler.settings import base

UNKNOWN = "this version knows no such field"


@dataclass(frozen=True, slots=True)
class Fate:
    """`path` is the field's; `to` where it went, '' when it has no counterpart; `because` what to know of it."""

    path: str
    to: str
    because: str


@dataclass(frozen=True, slots=True)
class Imported:
    """One object of theirs. `name` '' for one that is no application and is only read beside one; `settings` is the
    content of application.yaml; `refused`: why it cannot be one, each with a remedy."""

    source: str
    name: str
    settings: document.Json
    fates: tuple[Fate, ...]
    refused: tuple[str, ...] = ()


@dataclass(slots=True)
class Reading:
    """One object being read: every leaf waits for a fate until one is given."""

    body: document.Json
    settings: document.Json = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _fates: dict[str, Fate] = field(default_factory=dict)
    _leaves: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._leaves = tuple(leaves(self.body))

    def at(self, *path: str) -> document.JsonValue:
        return document.at(self.body, *path)

    def text(self, *path: str) -> str:
        return document.text(self.body, *path)

    def carry(self, path: str, to: str, because: str = "") -> None:
        self._give(path, Fate("", to, because))

    def drop(self, path: str, because: str) -> None:
        self._give(path, Fate("", "", because))

    def drops(self, reasons: Mapping[str, str]) -> None:
        """What is left under these paths."""
        for path, because in reasons.items():
            self.drop(path, because)

    def fates(self) -> tuple[Fate, ...]:
        """One for each leaf, in the order of the object."""
        return tuple(self._fates.get(path, Fate(path, "", UNKNOWN)) for path in self._leaves)

    def _give(self, under: str, fate: Fate) -> None:
        """The first fate of a leaf stays: what is special is said before what holds for the rest."""
        for path in self._leaves:
            if path == under or path.startswith((f"{under}.", f"{under}[")):
                self._fates.setdefault(path, Fate(path, fate.to, fate.because))


def leaves(value: document.JsonValue) -> Iterator[str]:
    """`spec.dependsOn[0].name`; an empty mapping or list is a leaf, too."""
    return (base.dotted(at) for at in places(value))


def places(value: document.JsonValue, at: base.Path = ()) -> Iterator[base.Path]:
    """The same leaves by their steps, which a file's line is asked by."""
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from places(below, (*at, name))
    elif isinstance(value, list) and value:
        for place, below in enumerate(value):
            yield from places(below, (*at, place))
    else:
        yield at
