"""`run` and `once`: the two commands that act."""

import asyncio
import gc
import logging
import signal
from typing import Annotated

import typer

from reconciler.app import composing
from reconciler.cli import options, trying
from reconciler.model import ids, outcomes


def register(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("once")(once)


def run(
    config: options.Config = options.CONFIG,
    sandbox: trying.Sandbox = False,
    repository: trying.Repository = "",
    ref: trying.Ref = "",
    state_dir: trying.StateDir = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every detail.")] = False,
) -> None:
    """Run the daemon: poll Git, apply, watch, record, revert. Ends at SIGTERM or Ctrl-C, at a safe point.

    With `--sandbox` nothing outside is changed: no cluster is contacted, nothing is pushed, and the journal is another
    one than the daemon's.

    Examples:

    * `reconciler run -c /etc/reconciler`
    * `reconciler run --sandbox --repository .`
    """
    its = trying.asked(config, sandbox=sandbox, repository=repository, ref=ref, state_dir=state_dir)
    _log(verbose)
    gc.freeze()  # the program itself is never garbage, and need not be searched for it again and again
    asyncio.run(_serve(its))


async def _serve(its: trying.Asked) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with trying.settings(its, beside=True) as config:
        await composing.serve(config, stop=stop)


def once(
    config: options.Config = options.CONFIG,
    environment: options.Environment = None,
    application: options.Application = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until every target is at rest.")] = 600.0,
    sandbox: trying.Sandbox = False,
    repository: trying.Repository = "",
    ref: trying.Ref = "",
    state_dir: trying.StateDir = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every detail.")] = False,
) -> None:
    """Bring every target to rest once, then end: for a pipeline or a cron job, in place of the daemon.

    Exit 0: everything is as Git says. Exit 1: a target is held, was reverted, or had not come to rest in time.

    Example:

    * `reconciler once --sandbox --repository .`
    """
    its = trying.asked(config, sandbox=sandbox, repository=repository, ref=ref, state_dir=state_dir)
    _log(verbose)
    wanted = ids.Choice(environment, application)

    async def brought() -> dict[ids.TargetKey, outcomes.PassResult]:
        async with trying.settings(its) as folder:
            return await composing.once(folder, patience=timeout, wanted=wanted)

    results = asyncio.run(brought())
    good = (outcomes.Outcome.UNCHANGED, outcomes.Outcome.ROLLED_OUT)
    for key, result in sorted(results.items()):
        typer.echo(f"{key}: {_told(key, result)}")
    if not all(result.outcome in good for result in results.values()):
        raise typer.Exit(1)


def _told(key: ids.TargetKey, result: outcomes.PassResult) -> str:
    """How it ended; of a hold its word, and on a line of its own the command that ends it."""
    if result.hold is None:
        return f"{result.outcome.value}: {result.because}"
    command = result.hold.command(key.environment, key.application)
    return f"{result.outcome.value}, {result.hold.reason.value}: {result.because}" + (
        f"\n  $ {command}" if command else ""
    )


def _log(verbose: bool) -> None:
    """Ours from INFO on, or in every detail; of libraries only what goes wrong."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")
    logging.getLogger("reconciler").setLevel(logging.DEBUG if verbose else logging.INFO)
    if verbose:
        logging.getLogger().setLevel(logging.INFO)
