"""`import`: from the objects of Flux and Argo CD to application.yaml files, with the fate of every field."""

import pathlib
from collections.abc import Iterator
from typing import Annotated

import typer
from rich import console as consoles
from rich import text

from reconciler.app.commands import importing
from reconciler.cli import options, screen
from reconciler.settings.peers import fates

FILES = typer.Argument(
    metavar="FILE...", help="YAML with Kustomizations, HelmReleases and their sources, Applications."
)


def register(app: typer.Typer) -> None:
    app.command("import")(import_)


def import_(
    files: Annotated[list[pathlib.Path], FILES],
    environment: Annotated[str, typer.Option("--environment", "-e", help="Of the applications that are written.")],
    out: Annotated[pathlib.Path, typer.Option("--out", help="The folder of environments.")] = pathlib.Path(
        "desired-state"
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Write application.yaml files for objects of Flux (Kustomization v1, HelmRelease v2) and Argo CD (Application).

    Every field of theirs is listed: where it went, or that it has no counterpart here and why. Nothing is overwritten,
    and nothing is written when one of them cannot be carried over. Asks no cluster. What to do before and after:
    docs/how-to/moving-from-flux.md and moving-from-argocd.md.

    Examples:

    * `reconciler import clusters/production/*.yaml --environment production --dry-run`
    * `kubectl get applications -n argocd -o yaml > apps.yaml && reconciler import apps.yaml -e production`
    * `reconciler import apps.yaml -e production -o json | jq '.objects[].fields[] | select(.to == null)'`
    """
    found = importing.read(files, environment_name=environment, out=out)
    if not dry_run:
        importing.write(found)
    if output is options.Output.JSON:
        screen.as_json(importing.data(found))
        return
    console = screen.console()
    console.print(consoles.Group(*_whole(found, dry_run=dry_run)))


def _whole(found: importing.Written, *, dry_run: bool) -> Iterator[consoles.RenderableType]:
    for one in found.found:
        yield text.Text(one.source, style="bold")
        yield _table(one.fates)
        yield text.Text("")
    for other in found.others:
        yield screen.plain(f"left alone: {other} is neither an application nor the source of one", "yellow")
    for path in found.files:
        yield screen.plain(f"{'would write' if dry_run else 'written'}: {path}")
    yield text.Text("Next: reconciler config check, then reconciler plan --ref BRANCH", style="dim")


def _table(found: tuple[fates.Fate, ...]) -> consoles.RenderableType:
    """What has no counterpart comes last, where the eye ends."""
    grid = screen.grid("field", "becomes", "because")
    grid.columns[0].ratio, grid.columns[1].ratio, grid.columns[2].ratio = 3, 2, 4
    for fate in sorted(found, key=lambda one: not one.to):
        becomes = screen.plain(fate.to) if fate.to else text.Text("no counterpart", style="yellow")
        grid.add_row(screen.plain(fate.path), becomes, screen.plain(fate.because, "dim"))
    return grid
