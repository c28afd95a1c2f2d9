"""Which of a target's new inputs come from paths that others read too (E4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import ids, sources


@dataclass(frozen=True, slots=True)
class Shared:
    """One changed path, and the other targets that read it or something inside or around it, sorted."""

    path: str
    readers: tuple[ids.TargetKey, ...]


def shared_paths(
    inputs: sources.Inputs,
    readers: Mapping[str, Sequence[ids.TargetKey]],
    *,
    before: sources.Inputs | None,
    target: ids.TargetKey,
) -> tuple[Shared, ...]:
    """`readers`: path → who reads it, over all targets. `before`: the inputs that `inputs` are compared with, None:
    every path is new. A chart that one target reads whole and another in part is shared by both."""
    old = {path.path: path.oid for path in before.paths} if before else {}
    changed = [path.path for path in inputs.paths if old.get(path.path) != path.oid]
    found = []
    for path in changed:
        others = {key for other, keys in readers.items() if overlap(path, other) for key in keys} - {target}
        if others:
            found.append(Shared(path, tuple(sorted(others))))
    return tuple(found)


def overlap(one: str, other: str) -> bool:
    """Whether one path is the other, or lies inside it."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
