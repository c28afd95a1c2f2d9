"""Arguments and options that several commands share."""

import asyncio
import enum
import pathlib
from typing import Annotated, Any

import typer

from reconciler import errors
from reconciler.app.commands import showing
from reconciler.model import ids
from reconciler.settings import values

CONFIG = pathlib.Path("config")


class Output(enum.Enum):
    TEXT = "text"
    JSON = "json"


def target(text: str | ids.TargetKey) -> ids.TargetKey:
    if isinstance(text, ids.TargetKey):
        return text
    try:
        return ids.TargetKey.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def duration(text: str | float) -> float:
    """Parses an option: `30s`, `1h30m`, or a number of seconds."""
    try:
        return values.seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def complete(context: typer.Context, incomplete: str) -> list[str]:
    """Targets of the journal that begin so, for a shell; none, without a word, where it cannot be read."""
    try:
        known = asyncio.run(showing.targets(context.params.get("config") or CONFIG))
    except errors.ReconcilerError:
        return []
    return [str(key) for key in known if str(key).startswith(incomplete)]


Config = Annotated[
    pathlib.Path,
    typer.Option("--config", "-c", envvar="RECONCILER_CONFIG", help="Folder of deployment-config.yaml."),
]
Environment = Annotated[str | None, typer.Option("--environment", "-e", help="Only this environment.")]
Application = Annotated[str | None, typer.Option("--application", "-a", help="Only this application.")]
OutputFormat = Annotated[Output, typer.Option("--output", "-o", help="For a person or for a script.")]


def argument(metavar: str, about: str) -> Any:
    """Targets on the command line: read, and completed by a shell."""
    return typer.Argument(metavar=metavar, parser=target, autocompletion=complete, help=about)


NAMED = "environment/application, e.g. production/web."
Target = Annotated[ids.TargetKey, argument("TARGET", NAMED)]
TargetOrAll = Annotated[ids.TargetKey | None, argument("TARGET", "environment/application; all, if left out.")]
Targets = Annotated[list[ids.TargetKey], argument("TARGET...", NAMED)]
