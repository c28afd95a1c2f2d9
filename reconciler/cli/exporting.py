"""`export`: from application.yaml files to the objects of Flux or Argo CD, with the fate of every field."""

import pathlib
from collections.abc import Iterator
from typing import Annotated

import typer

from reconciler.app.commands import exporting
from reconciler.cli import options, screen
from reconciler.model import ids

TARGETS = options.argument("TARGET...", options.NAMED)

FEW = 5
"""Targets that are named in one line."""


def register(app: typer.Typer) -> None:
    app.command()(export)


def export(
    to: Annotated[exporting.Tool, typer.Option("--to", help="Whose objects.")],
    targets: Annotated[list[ids.TargetKey] | None, TARGETS] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", "-e", help="All applications of it that are present.")
    ] = None,
    config: options.Config = options.CONFIG,
    desired_state: Annotated[
        pathlib.Path, typer.Option("--desired-state", metavar="DIR", help="Folder with one folder per environment.")
    ] = pathlib.Path("desired-state"),
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Print targets as objects of Flux (Kustomization v1, HelmRelease v2 and sources) or Argo CD (Application).

    At the head of the YAML comments list every field that has no counterpart there, and every one that means something
    else there, with its file, line and reason; `-o json` lists the fate of all fields. Reads
    `config/deployment-config.yaml` and the files of a checkout; asks no cluster and no repository, and writes nothing.
    How to hand over: docs/how-to/moving-to-flux-and-argocd.md.

    Examples:

    * `reconciler export production/shop --to flux > shop.yaml`
    * `reconciler export -e production --to argocd | kubectl diff -f -`
    * `reconciler export -e production --to flux -o json | jq '.targets[].fields[] | select(.to == null)'`
    """
    if not targets and environment is None:
        raise typer.BadParameter("name targets, or an environment with -e", param_hint="TARGET")
    found = exporting.read(config, desired_state=desired_state, keys=targets or (), environment=environment, tool=to)
    if output is options.Output.JSON:
        screen.as_json(exporting.data(found))
        return
    for line in _head(found):
        typer.echo(f"# {screen.plain(line)}".rstrip())
    typer.echo(exporting.as_yaml(found), nl=False)


def _head(found: exporting.Export) -> Iterator[str]:
    name = found.tool.title
    keys = [str(one.key) for one in found.targets]
    whose = ", ".join(keys) if len(keys) <= FEW else f"{len(keys)} targets"
    yield f"Made by reconciler export for {name}, of {whose}"
    for one in found.left_out:
        yield f"Left out: {one}"
    lost, changed = exporting.lines(found, lost=True), exporting.lines(found, lost=False)
    if lost:
        yield ""
        yield f"No counterpart in {name}:"
        yield from (f"{line.where}:{line.line}: {line.path}: {line.because}" for line in lost)
    if changed:
        yield ""
        yield f"Not quite the same in {name}:"
        yield from (f"{line.where}:{line.line}: {line.path} → {line.to}: {line.because}" for line in changed)
