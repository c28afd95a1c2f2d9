"""`explain`: what a word of `status` and `history` means, and what ends it."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import typer
from rich import console as consoles
from rich import padding, text

from reconciler.app.commands import explaining
from reconciler.cli import options, screen
from reconciler.model import ids, words

WORD = typer.Argument(metavar="WORD|TARGET", help="A hold, an outcome, an event; or a target, for its present one.")
TARGET = options.argument("TARGET", "environment/application: what fits the word.")


def register(app: typer.Typer) -> None:
    app.command("explain")(explain)


def explain(
    word: Annotated[str, WORD] = "",
    target: Annotated[ids.TargetKey | None, TARGET] = None,
    config: options.Config = options.CONFIG,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Say what a word means that `status` or `history` shows, and what ends it; without a word, list all words.

    With a target also what fits there: since when, why, and the command to paste. The target alone explains how it
    stands now. Reads the journal only.

    Examples:

    * `reconciler explain quarantined`
    * `reconciler explain prune-limit production/web`
    * `reconciler explain production/web -o json | jq -r '.facts[].command'`
    """
    console = screen.console()
    if not word:
        found = explaining.Explained(words.ALL, None, None)
        if output is options.Output.TEXT:
            console.print(_list(found.meanings))
            return
    elif "/" in word and target is None:
        found = asyncio.run(explaining.present(config, options.target(word)))
    else:
        found = asyncio.run(explaining.explain(config, word, target))
    if output is options.Output.JSON:
        screen.as_json(explaining.data(found))
        return
    console.print(consoles.Group(*_whole(found)), crop=False)


def _list(meanings: tuple[words.Word, ...]) -> consoles.RenderableType:
    grid = screen.grid("word", "is a", "meaning")
    for column in grid.columns[:-1]:
        column.no_wrap = True
    for one in meanings:
        grid.add_row(one.word, one.sort.value, screen.plain(one.meaning))
    return grid


def _whole(found: explaining.Explained) -> Iterator[consoles.RenderableType]:
    for one in found.meanings:
        yield text.Text.assemble(
            (one.word, "bold"), f", {'an' if one.sort.value[0] in 'aeiou' else 'a'} {one.sort.value}"
        )
        yield _indented(one.meaning)
        if one.ends:
            yield _indented(f"Ends: {one.ends}")
        if one.command and not found.facts:
            yield _command(one.command)
    if found.facts is None:
        return
    yield text.Text("")
    yield text.Text(str(found.target), style="bold")
    if not found.facts:
        yield _indented("Nothing of this target fits now, nor has it happened to it as far as the journal is read.")
    for fact in found.facts:
        at = f"{screen.second(fact.at)} UTC, " if fact.at else ""
        yield _indented(f"{at}{fact.sort.value}: {fact.because}")
        if fact.command:
            yield _command(fact.command)


def _indented(value: str) -> consoles.RenderableType:
    return padding.Padding(screen.plain(value), (0, 0, 0, 4), expand=False)


def _command(command: str) -> consoles.RenderableType:
    """On one line, to be copied."""
    return text.Text(f"    $ {command}", style="cyan", no_wrap=True, overflow="ignore")
