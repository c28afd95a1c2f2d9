"""What the loader returns, what a text may cost, and the one error."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from reconciler import errors

JsonScalar = str | int | float | bool | None
JsonValue = JsonScalar | list["JsonValue"] | dict[str, "JsonValue"]
Path = tuple[str | int, ...]


class YamlError(errors.InvalidInput):
    """The text was refused. Each of `problems` reads `<where>:<line>: <what>; <remedy>` and quotes no value."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What one text may cost (I10); the defaults are far above honest manifests and below harm."""

    bytes: int = 8 * 1024 * 1024
    depth: int = 64  # JSON encoders stop at a few hundred levels; a CustomResourceDefinition needs about 40
    documents: int = 5_000
    nodes: int = 500_000  # scalars and containers, an alias counting as all it stands for
    aliases: int = 100  # in one document
    scalar_bytes: int = 1024 * 1024  # of one key or value; etcd takes no object beyond 1.5 MiB anyway


DEFAULT_LIMITS: Final = Limits()


class Unfilled(Exception):  # noqa: N818 - becomes a problem with its line
    """A scalar that cannot be filled in; the text is `<what>; <remedy>`, `at` the place within the scalar."""

    def __init__(self, text: str, *, at: int) -> None:
        super().__init__(text)
        self.at = at


@dataclasses.dataclass(frozen=True, slots=True)
class Fill:
    """What is put in place of `${…}` while a text is read, one scalar at a time: it can never open other YAML."""

    scalar: Callable[[str, bool], "JsonScalar"]
    """From a scalar's text, and whether it is a plain value and no key, to what it stands for. Raises Unfilled."""
    spares: Callable[["JsonValue"], bool]
    """Whether a document, as it is written, is left alone."""


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """One document that is not null; `line` is the 1-based line on which its content begins."""

    value: JsonValue
    line: int


@dataclasses.dataclass(frozen=True, slots=True)
class Positions:
    """Where the keys and items of one document stand; `lines` maps a path to its 1-based line."""

    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of `path`, or of its nearest parent that the text spells out (below an alias, of the alias)."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)
