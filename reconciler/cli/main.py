"""`reconciler`: the commands, and the one place where an error becomes a sentence and an exit code."""

import sys

import typer

from reconciler import errors
from reconciler.cli import config, daemon

app = typer.Typer(
    name="reconciler",
    help="Make Git the truth for a Kubernetes cluster: roll a commit out, prove it, and go back when it fails.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(config.app, name="config")
daemon.register(app)


def main() -> None:
    """The entry point. What was refused or is unavailable is said in a sentence, exit 1; bugs keep their traceback."""
    try:
        app()
    except errors.ReconcilerError as error:
        print(f"reconciler: {error}", file=sys.stderr)
        raise SystemExit(1) from None
