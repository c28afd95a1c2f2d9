"""`reconciler`: the commands, and the one place where an error becomes a sentence and an exit code."""

import typer
from typer import core

from reconciler import errors
from reconciler.cli import (
    asking,
    checking,
    comparing,
    config,
    daemon,
    exits,
    explaining,
    growing,
    importing,
    journal,
    planning,
    reference,
    rehearsing,
    showing,
    waiting,
)


class Commands(core.TyperGroup):
    """What was refused or is unavailable is said in a sentence, exit 1; bugs keep their traceback."""

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
daemon.register(app)
planning.register(app)
rehearsing.register(app)
comparing.register(app)
showing.register(app)
growing.register(app)
explaining.register(app)
waiting.register(app)
asking.register(app)
app.add_typer(config.app, name="config")
checking.register(app)
app.add_typer(journal.app, name="journal")
importing.register(app)
reference.register(app)


def main() -> None:
    """The entry point."""
    app()
