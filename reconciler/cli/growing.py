"""`tree`: the objects of a target, what became of them, and why a leaf fails."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import typer
from rich import text
from rich import tree as rich_trees

from reconciler.app.commands import growing
from reconciler.cli import exits, options, screen
from reconciler.model import health, ids, trees

SYMBOLS = {
    health.State.HEALTHY: ("✓", "green"),
    health.State.SUSPENDED: ("‖", "cyan"),
    health.State.PROGRESSING: ("…", "cyan"),
    health.State.MISSING: ("–", "red"),
    health.State.UNKNOWN: ("?", "yellow"),
    health.State.DEGRADED: ("✗", "red"),
}
SHOWN = 8
"""Healthy children of one object that have a line each; the others are counted."""
LONGEST = 400
"""Characters shown of one line of somebody else's text."""


def register(app: typer.Typer) -> None:
    app.command("tree")(tree)


def tree(
    target: options.TargetOrAll = None,
    config: options.Config = options.CONFIG,
    environment: options.Environment = None,
    application: options.Application = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 when something is not well or could not be read.")
    ] = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Show what is there: each object of a target, the ReplicaSets and Pods that came of it, and the health of each.

    Where something fails, the reason stands at the leaf: the last lines of the failing container's log, and the newest
    events. What could not be read is marked `?` and says why. Which objects are the target's is what the journal says;
    `reconciler diff` shows whether they are as Git wants them. Health is judged by what is known of each kind: an
    application's own `healthChecks` stand in Git, which is not asked.

    Examples:

    * `reconciler tree production/web`
    * `reconciler tree -e production --exit-code`
    * `reconciler tree production/web -o json | jq '.. | objects | select(.evidence? // [] != [])'`
    """
    with screen.progress("asking the clusters"):
        found = asyncio.run(growing.trees_of(config, target, wanted=ids.Choice(environment, application)))
    if output is options.Output.JSON:
        screen.as_json(growing.data(found))
    else:
        console = screen.console()
        for number, one in enumerate(found):
            console.print(*([""] if number else []), drawn(one), sep="\n")
        if not found:
            console.print("No target: nothing has been seen in Git yet, or the filter fits nothing.")
    if exit_code and not (found and all(one.well for one in found)):
        raise typer.Exit(exits.FAILED)


def drawn(found: trees.Tree) -> rich_trees.Tree:
    """A tree for a terminal: the objects in the order of applying, what fails before what is well below them."""
    made = rich_trees.Tree(text.Text(str(found.target), style="bold"), guide_style="dim")
    for because in found.unread:
        made.add(_unread(because))
    for node in found.nodes:
        _grow(made, node, whole=True)
    if not found.nodes and not found.unread:
        made.add(text.Text("nothing has been applied", style="dim"))
    return made


def _grow(under: rich_trees.Tree, node: trees.Node, *, whole: bool) -> None:
    """`whole`: with the namespace, which children share with what they are children of."""
    symbol, colour = SYMBOLS[node.state]
    name = f"{node.key.namespace}/{node.key.name}" if whole and node.key.namespace else node.key.name
    branch = under.add(
        text.Text.assemble(
            (symbol, colour), " ", screen.plain(f"{node.key.kind} {name}", "bold"), "  ", _said(node), overflow="fold"
        )
    )
    for because in node.unread:
        branch.add(_unread(because))
    for child in _shown(node):
        _grow(branch, child, whole=False)
    for counted in _counted(node):
        branch.add(text.Text(counted, style="dim"))
    for evidence in node.evidence:
        title = f"{evidence.title}: {evidence.because}" if evidence.because else f"{evidence.title}:"
        proof = branch.add(_theirs(title, "yellow" if evidence.because else "dim"))
        for line in evidence.lines:
            proof.add(_theirs(line))


def _said(node: trees.Node) -> text.Text:
    """The state, but for what is well and only exists; then why."""
    if node.state is health.State.HEALTHY:
        return _theirs(node.because, "dim")
    return text.Text.assemble((f"{node.state.value}: ", SYMBOLS[node.state][1]), _theirs(node.because))


def _theirs(value: str, style: str = "") -> text.Text:
    shown = screen.plain(value, style)
    shown.overflow = "fold"
    if len(shown) > LONGEST:
        shown.truncate(LONGEST)
        shown.append("…")
    return shown


def _unread(because: str) -> text.Text:
    return text.Text.assemble(("? ", "yellow"), _theirs(because, "yellow"))


def _empty(node: trees.Node) -> bool:
    """A ReplicaSet of an earlier template, kept to go back to."""
    return node.key.kind == "ReplicaSet" and node.state.well and not node.children and not node.unread


def _shown(node: trees.Node) -> Iterator[trees.Node]:
    """What is not well first, then the first of what is."""
    children = [child for child in node.children if not _empty(child)]
    unwell = [child for child in children if not _quiet(child)]
    yield from unwell
    yield from [child for child in children if _quiet(child)][:SHOWN]


def _quiet(node: trees.Node) -> bool:
    return node.state.well and not node.unread and all(_quiet(child) for child in node.children)


def _counted(node: trees.Node) -> Iterator[str]:
    children = [child for child in node.children if not _empty(child)]
    more = sum(1 for child in children if _quiet(child)) - SHOWN
    if more > 0:
        yield f"and {more} more that are well"
    if empty := len(node.children) - len(children):
        yield f"and {empty} ReplicaSet{'s' if empty > 1 else ''} without pods"
