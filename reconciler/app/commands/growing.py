"""`tree`: what is there of each target, read beside the daemon or without one."""

import pathlib

from reconciler.app import beside, opening
from reconciler.app.commands import showing
from reconciler.model import document, ids, trees
from reconciler.pipeline import looking


async def trees_of(config: pathlib.Path, target: ids.TargetKey | None, *, wanted: ids.Choice) -> tuple[trees.Tree, ...]:
    """The tree of one target, or of all that are wanted. Raises `errors.InvalidInput` for a target or an environment
    that nobody knows, `errors.JournalUnusable` where there is no journal yet."""
    its = opening.settings(config)
    async with opening.open_journal(its, read_only=True) as journal, beside.build(its, journal) as found:
        if target is not None:
            await showing.known(journal, its, target)
        keys = (target,) if target else await showing.chosen(journal, its, wanted)
        grown = []
        for key in keys:
            name = its.environments[key.environment].cluster if key.environment in its.environments else ""
            if name in found.here.clusters:
                grown.append(await looking.look(found.here, key))
            else:
                because = found.unreachable.get(name) or f"the settings have no environment {key.environment} any more"
                grown.append(trees.Tree(key, (), (because,)))
        return tuple(grown)


def data(found: tuple[trees.Tree, ...]) -> document.Json:
    """For scripts. Names are stable."""
    return {
        "well": all(tree.well for tree in found),
        "targets": [
            {
                "target": str(tree.target),
                "well": tree.well,
                "unread": list(tree.unread),
                "objects": [_node(node) for node in tree.nodes],
            }
            for tree in found
        ],
    }


def _node(node: trees.Node) -> document.Json:
    return {
        "group": node.key.group,
        "kind": node.key.kind,
        "namespace": node.key.namespace or None,
        "name": node.key.name,
        "health": node.state.value,
        "because": node.because,
        "unread": list(node.unread),
        "evidence": [
            {"title": one.title, "lines": list(one.lines), "because": one.because or None} for one in node.evidence
        ],
        "children": [_node(child) for child in node.children],
    }
