"""`reconciler`: the commands, and the one place where an error becomes a sentence and an exit code."""

import functools
import gc
import importlib
import signal
from collections.abc import Mapping
from types import FrameType
from typing import Any

import typer
from typer import core
from typer import main as typers

from reconciler import errors
from reconciler.cli import exits

ROOMS = {
    "daemon": ("run", "once"),
    "planning": ("plan",),
    "rehearsing": ("rehearse",),
    "comparing": ("diff",),
    "showing": ("status", "history"),
    "growing": ("tree",),
    "explaining": ("explain",),
    "waiting": ("wait",),
    "asking": ("sync", "revert", "release-quarantine", "accept-history", "confirm", "pause", "resume"),
    "config": ("config",),
    "checking": ("doctor", "audit"),
    "journal": ("journal",),
    "importing": ("import",),
    "exporting": ("export",),
    "reference": ("docs",),
}
"""Module of `cli/` → its commands, as `--help` lists them. A module is loaded when one of its commands is called:
`status` would otherwise wait for the clients of clusters, charts and Git, which it never uses."""

COLLECT_AFTER = 50_000
"""New containers between two searches for unreachable cycles. Python's 700 are for programs with few objects: a render
of 10,000 made a tenth of a start's work of searching what has no cycles."""


@functools.cache
def loaded(room: str) -> Mapping[str, Any]:
    """The commands of a module by their names."""
    its = typer.Typer(rich_markup_mode="markdown")
    its.callback()(lambda: None)  # so that an only command keeps its name
    importlib.import_module(f"reconciler.cli.{room}").register(its)
    return typers.get_group(its).commands


class Commands(core.TyperGroup):
    """What was refused or is unavailable is said in a sentence, exit 1; bugs keep their traceback."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = dict.fromkeys(name for names in ROOMS.values() for name in names)  # type: ignore[assignment] # for what reads the names

    def get_command(self, ctx: typer.Context, name: str) -> Any:  # type: ignore[override] # Typer's own Context is private
        return next((loaded(room)[name] for room, names in ROOMS.items() if name in names), None)

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # Typer's own Context is private
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            error.exit_code = exits.USAGE
            raise

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # as above
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            error.exit_code = exits.USAGE
            raise
        except errors.ReconcilerError as error:
            typer.echo(f"reconciler: {error}", err=True)
            raise typer.Exit(exits.FAILED) from error


app = typer.Typer(
    name="reconciler",
    cls=Commands,
    help="Make Git the truth for a Kubernetes cluster: roll a commit out, prove it, and go back when it fails.",
    epilog="Exit codes: docs/reference/exit-codes.md. Every hold and what ends it: docs/reference/holds.md.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    """A group, whose commands `Commands` finds."""


def main() -> None:
    """The entry point."""
    gc.set_threshold(COLLECT_AFTER)
    signal.signal(signal.SIGTERM, _terminated)
    app()


def _terminated(number: int, frame: FrameType | None) -> None:
    """As after Ctrl-C, what was opened is closed and what was temporary is removed. The daemon has its own answer."""
    raise SystemExit(exits.TERMINATED)
