"""What Git holds: files, inputs of a target, and the revision they come from."""

from dataclasses import dataclass

from reconciler.model import document


@dataclass(frozen=True, slots=True)
class File:
    """One blob of a revision. `path` is relative to the repository's root, with forward slashes."""

    path: str
    oid: str
    content: bytes
    through: str = ""
    """The symbolic link that leads to it: the path is that link, or lies below it. '' where there is none."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a path names at a revision, symbolic links followed. `oid` is '' where nothing is.

    `linked`: paths, and the objects there, to which links at or below the path, or on the way to it, lead out of it,
    sorted: what is read by way of them changes with these. A link that leads nowhere has the place where something is
    missing here, with '', and the links that led there.

    `problem`: why what links lead to is not looked at to its end, or ''. Then `linked` is not all, and the path may not
    be read."""

    oid: str
    linked: tuple[tuple[str, str], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class InputPath:
    """A path that a target reads, and the Git object it names at a revision. `oid` is '' where the path is absent."""

    path: str
    oid: str
    own: bool
    """True inside the target's own folder: only these paths are restored by its revert commit."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything of one revision that one target reads."""

    revision: str
    paths: tuple[InputPath, ...]

    @property
    def digest(self) -> str:
        """The input digest: equal exactly when every path holds the same content, whatever the revision."""
        return document.digest(*(part for path in self.paths for part in (path.path, path.oid)))


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """One commit, as a person reads it. `at` is RFC 3339; `subject` is its first line."""

    revision: str
    author: str
    at: str
    subject: str
    parents: tuple[str, ...]
