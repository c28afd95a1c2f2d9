"""The commands by which a person says something to the daemon: each inserts a request, which only the leader acts on.

They never ask back: a script that runs them does not hang.
"""

import asyncio
import pathlib
import re
from dataclasses import dataclass
from typing import Annotated

import typer

from reconciler.app.commands import asking
from reconciler.cli import exits, options, screen
from reconciler.model import ids, records

Why = Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal and for your colleagues.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for the daemon's answer.")]
SHA = re.compile(r"[0-9a-f]{40}")
PATIENCE = 30.0
"""Seconds. A pass that is under way ends within seconds; a daemon that does not answer by then is not there."""
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=options.duration,
        show_default="30s",
        help="How long to wait for the daemon's answer.",
    ),
]


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer is waited for and shown."""

    config: pathlib.Path
    timeout: float
    no_wait: bool
    output: options.Output


def register(app: typer.Typer) -> None:
    app.command("sync")(sync)
    app.command("revert")(revert)
    app.command("release-quarantine")(release_quarantine)
    app.command("accept-history")(accept_history)
    app.command("confirm")(confirm)
    app.command("pause")(pause)
    app.command("resume")(resume)


def sync(
    target: options.Target,
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal.")] = "",
    config: options.Config = options.CONFIG,
    timeout: Timeout = PATIENCE,
    no_wait: NoWait = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Poll Git and look at the target now, without waiting for the next poll or for a back-off to end.

    It does not wait for a rollout; `reconciler wait` does.

    Example:

    * `reconciler sync production/web && reconciler wait production/web`
    """
    _ask(Manner(config, timeout, no_wait, output), records.RequestKind.SYNC, target, why=why)


def revert(
    target: options.Target,
    why: Why,
    to: Annotated[
        str, typer.Option("--to", metavar="SHA", help="The commit to return to. Left out: the good one before.")
    ] = "",
    config: options.Config = options.CONFIG,
    timeout: Timeout = PATIENCE,
    no_wait: NoWait = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Return the target to an earlier commit, in the cluster and in Git, through the same steps as after a failure.

    Example:

    * `reconciler revert production/web --why "checkout is slow since noon"`
    """
    argument = _revision(to) if to else ""
    _ask(Manner(config, timeout, no_wait, output), records.RequestKind.REVERT, target, why=why, argument=argument)


def release_quarantine(
    target: options.Target,
    why: Why,
    digest: Annotated[
        str, typer.Option("--digest", metavar="DIGEST", help="The input digest that `status` names, or its beginning.")
    ] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Everything that is in quarantine for this target.")
    ] = False,
    config: options.Config = options.CONFIG,
    timeout: Timeout = PATIENCE,
    no_wait: NoWait = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Let inputs that failed on this target be tried again.

    Example:

    * `reconciler release-quarantine production/web --digest 3f2a9c --why "the database is back"`
    """
    if bool(digest) == everything:
        raise typer.BadParameter("write either --digest DIGEST or --all")
    manner = Manner(config, timeout, no_wait, output)
    _ask(manner, records.RequestKind.RELEASE_QUARANTINE, target, why=why, argument=digest)


def accept_history(
    target: options.Target,
    revision: Annotated[str, typer.Option("--revision", "-r", metavar="SHA", help="The commit to go on from.")],
    why: Why,
    config: options.Config = options.CONFIG,
    timeout: Timeout = PATIENCE,
    no_wait: NoWait = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Go on from a commit that does not descend from the one deployed last: the history was rewritten on purpose.

    Example:

    * `reconciler accept-history production/web --revision $(git rev-parse origin/main) --why "secret purged"`
    """
    manner, kind = Manner(config, timeout, no_wait, output), records.RequestKind.ACCEPT_HISTORY
    _ask(manner, kind, target, why=why, argument=_revision(revision))


def confirm(
    target: options.Target,
    revision: Annotated[str, typer.Option("--revision", "-r", metavar="SHA", help="The commit whose plan is meant.")],
    why: Why,
    config: options.Config = options.CONFIG,
    timeout: Timeout = PATIENCE,
    no_wait: NoWait = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Say yes to what a commit prunes beyond the limit, or of a protected kind. Holds for that commit and no other.

    Examples:

    * `reconciler plan -e production -a web`
    * `reconciler confirm production/web --revision 1f0c… --why "the old workers are not needed"`
    """
    manner = Manner(config, timeout, no_wait, output)
    _ask(manner, records.RequestKind.CONFIRM, target, why=why, argument=_revision(revision))


def pause(
    target: options.Target,
    why: Why,
    config: options.Config = options.CONFIG,
    timeout: Timeout = PATIENCE,
    no_wait: NoWait = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Leave the target alone: nothing is applied, healed or reverted until `reconciler resume`.

    Example:

    * `reconciler pause production/web --why "migration by hand until 18:00"`
    """
    _ask(Manner(config, timeout, no_wait, output), records.RequestKind.PAUSE, target, why=why)


def resume(
    target: options.Target,
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal.")] = "",
    config: options.Config = options.CONFIG,
    timeout: Timeout = PATIENCE,
    no_wait: NoWait = False,
    output: options.OutputFormat = options.Output.TEXT,
) -> None:
    """Go on after a pause, after automation stopped, or past the brake for many failing targets.

    Example:

    * `reconciler resume production/web`
    """
    _ask(Manner(config, timeout, no_wait, output), records.RequestKind.RESUME, target, why=why)


def _revision(text: str) -> str:
    if not SHA.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is no full commit SHA: write all 40 hexadecimal digits")
    return text


def _ask(manner: Manner, kind: records.RequestKind, target: ids.TargetKey, *, why: str, argument: str = "") -> None:
    """Insert the request, wait for the answer, print it; exits with the code that `exits.ASKED` tells of."""
    request = asyncio.run(asking.ask(manner.config, kind, target, why=why, argument=argument))
    answer = ""
    if not manner.no_wait:
        with screen.progress(f"{kind.value} of {target}: waiting for the daemon") as progress:
            answer = asyncio.run(asking.answer(manner.config, request, within=manner.timeout, waiting=progress.say))
    if manner.output is options.Output.JSON:
        screen.as_json(asking.request_data(request, answer))
    elif answer:
        screen.console().print(screen.plain(f"{target}: {answer}"))
    elif manner.no_wait:
        screen.console().print(f"{target}: inserted as {request.id}", soft_wrap=True)
    else:
        typer.echo(f"{target}: inserted, and no daemon answered in time; it is acted on when one leads.", err=True)
    if not answer and not manner.no_wait:
        raise typer.Exit(exits.LATE)
