"""What is there of a target, for people: its objects, what their controllers made of them, and why a leaf fails."""

from dataclasses import dataclass

from reconciler.model import health, ids


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a leaf that fails says of itself. `because`: why there is nothing to show, or why it may not be whole."""

    title: str
    """`log of container web, run before`, `events`."""
    lines: tuple[str, ...]
    because: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One object. `children` are what it controls; `unread`: what of it could not be found out, one sentence each."""

    key: ids.ObjectKey
    state: health.State
    because: str
    children: tuple["Node", ...] = ()
    evidence: tuple[Evidence, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    """All of one target, in the order in which its objects are applied."""

    target: ids.TargetKey
    nodes: tuple[Node, ...]
    unread: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether everything was read and is healthy, or suspended on purpose."""
        return not self.unread and all(_well(node) for node in self.nodes)


def _well(node: Node) -> bool:
    return node.state.well and not node.unread and all(_well(child) for child in node.children)
