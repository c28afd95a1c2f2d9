"""`reconciler config`: the settings files, looked at before anybody depends on them."""

import enum
import json
import pathlib
from typing import Annotated

import typer

from reconciler.app import opening
from reconciler.cli import options

app = typer.Typer(no_args_is_help=True, help="Look at the settings files.")


class Output(enum.Enum):
    TEXT = "text"
    JSON = "json"


def register(its: typer.Typer) -> None:
    its.add_typer(app, name="config")


@app.callback()
def _group() -> None:
    """Keeps `check` a command of its own: Typer would merge an only command into its group."""


@app.command()
def check(
    config: options.Config = options.CONFIG,
    desired_state: Annotated[
        pathlib.Path, typer.Option("--desired-state", metavar="DIR", help="Folder with one folder per environment.")
    ] = pathlib.Path("desired-state"),
    output: Annotated[Output, typer.Option("--output", "-o", help="For a person or for a script.")] = Output.TEXT,
) -> None:
    """Tell every error of every settings file at once, with file, line, field and remedy.

    Reads `config/deployment-config.yaml`, `desired-state/*/environment.yaml` and
    `desired-state/*/*/application.yaml`, and nothing else: no cluster and no repository is asked. Exit code 0: no
    error; 1: at least one.
    """
    report = opening.check_config(config, desired_state=desired_state)
    if output is Output.JSON:
        typer.echo(
            json.dumps(
                {
                    "environments": report.environments,
                    "applications": report.applications,
                    "problems": list(report.problems),
                },
                indent=2,
                ensure_ascii=False,
            )
        )
    else:
        for problem in report.problems:
            typer.echo(problem)
        typer.echo(
            f"{_count(report.environments, 'environment')}, {_count(report.applications, 'application')}:"
            f" {_count(len(report.problems), 'error') if report.problems else 'no error'}"
        )
    if report.problems:
        raise typer.Exit(1)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
