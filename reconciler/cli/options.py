"""Options that several commands share."""

import pathlib
from collections.abc import Callable
from typing import Annotated

import typer

from reconciler.model import ids

CONFIG = pathlib.Path("config")

Config = Annotated[
    pathlib.Path,
    typer.Option("--config", "-c", envvar="RECONCILER_CONFIG", help="Folder of deployment-config.yaml."),
]
Environment = Annotated[str | None, typer.Option("--environment", "-e", help="Only this environment.")]
Application = Annotated[str | None, typer.Option("--application", "-a", help="Only this application.")]


def wanted(environment: str | None, application: str | None) -> Callable[[ids.TargetKey], bool]:
    """A filter of targets by the two options; both left out: every target."""

    def fits(key: ids.TargetKey) -> bool:
        return environment in (None, key.environment) and application in (None, key.application)

    return fits
