"""`--sandbox` and what belongs to it, for the commands that have it."""

import contextlib
import pathlib
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

import typer

from reconciler.app.commands import trying

Sandbox = Annotated[
    bool,
    typer.Option(
        "--sandbox",
        help="On a model of a cluster inside this process, in place of each one of the settings. Contacts no cluster.",
    ),
]
Repository = Annotated[
    str,
    typer.Option(
        "--repository", metavar="PATH|URL", help="With --sandbox: a repository with desired-state/, without settings."
    ),
]
Ref = Annotated[
    str, typer.Option("--ref", metavar="REF", help="With --repository: the branch. Left out: the one checked out.")
]
StateDir = Annotated[
    pathlib.Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        help="With --sandbox: where journal and mirrors are kept. Left out: a temporary folder, gone at the end.",
    ),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given. `wanted`: None without `--sandbox`."""

    config: pathlib.Path
    wanted: trying.Wanted | None


def asked(
    config: pathlib.Path, *, sandbox: bool, repository: str, ref: str = "", state_dir: pathlib.Path | None = None
) -> Asked:
    """Raises `typer.BadParameter` for options that do not go together."""
    if not sandbox and (repository or ref or state_dir):
        name = "--repository" if repository else "--ref" if ref else "--state-dir"
        raise typer.BadParameter(f"{name} goes with --sandbox: a daemon on a real cluster needs settings of its own")
    if ref and not repository:
        raise typer.BadParameter("--ref goes with --repository: the settings name theirs")
    return Asked(config, trying.Wanted(config, repository, ref, state_dir) if sandbox else None)


@contextlib.asynccontextmanager
async def settings(its: Asked, *, beside: bool = False) -> AsyncIterator[pathlib.Path]:
    """The folder of the settings to use; of a sandbox, said on standard error what is tried, and with `beside` how to
    look at it from another terminal."""
    if its.wanted is None:
        yield its.config
        return
    async with trying.prepared(its.wanted) as prepared:
        for sentence in prepared.sentences:
            typer.echo(f"sandbox: {sentence}", err=True)
        if beside:
            exported = f"export RECONCILER_CONFIG={shlex.quote(str(prepared.config))}"
            typer.echo(f"sandbox: in another terminal: {exported}; reconciler status --watch", err=True)
        yield prepared.config
