"""What a terminal shows: symbols, plain text out of other people's text, and a spinner while something takes time."""

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence

import typer
from rich import console as consoles
from rich import status, table, text

from reconciler.model import document


def console() -> consoles.Console:
    """Standard output. Width and colours are the terminal's; NO_COLOR and COLUMNS are respected."""
    return consoles.Console(highlight=False, soft_wrap=False)


def plain(value: str, style: str = "") -> text.Text:
    """Somebody else's text: on one line, no markup, nothing in it that a terminal would obey."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(value.split()))
    return text.Text(shown, style=style)


def exact(value: str, style: str = "") -> text.Text:
    """A value whose blanks matter: what a terminal would obey is written as its escape, `\\t`."""
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in value)
    return text.Text(shown, style=style)


def second(at: str) -> str:
    """`2026-01-01 10:00:00` of an RFC 3339 time in UTC."""
    return at[: len("2026-01-01T10:00:00")].replace("T", " ")


def as_json(value: document.Json | list[document.JsonValue]) -> None:
    """For scripts: stable keys, two blanks of indentation."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


GAP = 2
"""Blanks between two columns."""


def grid(*headings: str) -> table.Table:
    """A table without lines, whose cells wrap between words."""
    made = table.Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def line(cells: Sequence[text.Text], widths: Sequence[int]) -> table.Table:
    """One line of cells in columns of these widths."""
    made = table.Table.grid(padding=(0, GAP, 0, 0))
    for width in widths:
        made.add_column(width=width, overflow="fold")
    made.add_row(*cells)
    return made


class Progress:
    """Says on standard error what is waited for: a spinner on a terminal, else nothing."""

    def __init__(self, spinner: status.Status | None) -> None:
        self._spinner = spinner

    def say(self, what: str) -> None:
        if self._spinner:
            self._spinner.update(plain(what))


@contextlib.contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Shown while the block runs, gone after it. Standard output stays clean for pipes."""
    if not sys.stderr.isatty():
        yield Progress(None)
        return
    with consoles.Console(stderr=True).status(plain(what)) as spinner:
        yield Progress(spinner)
