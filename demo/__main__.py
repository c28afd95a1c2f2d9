"""`python -m demo [--cluster sandbox|local] [--keep] [--patience SECONDS]`, from the root of the checkout.

Exit 0: every scene came true.
"""

import argparse
import signal
import sys
from contextlib import AbstractContextManager
from types import FrameType

from demo import grounds, sandbox, story, surroundings, telling

PATIENCE = 60.0
"""Seconds until a step that has not come true ends the story: each takes a few on an idle machine."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description="Tell the main job in one terminal.")
    parser.add_argument(
        "--cluster",
        choices=("sandbox", "local"),
        default="sandbox",
        help="a model of a cluster inside this process, or a real control plane on this machine (default sandbox)",
    )
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end, until Ctrl-C")
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="SECONDS",
        help=f"how long a step may take before the story has failed (default {PATIENCE:.0f})",
    )
    asked = parser.parse_args()
    for number in ENDING:
        signal.signal(number, leave)
    teller = telling.Teller()
    try:
        with (
            ground(asked.cluster) as chosen,
            surroundings.ready(chosen, teller, patience=asked.patience) as around,
        ):
            story.tell(around, teller, patience=asked.patience)
            if asked.keep:
                story.keep(around, teller)
            teller.remark("Stopping everything, removing its folder …")
    except (grounds.NotTrueError, TimeoutError) as problem:
        teller.failed(str(problem))
        return 1
    except KeyboardInterrupt:
        teller.remark("Interrupted: everything is stopped and removed.")
        return INTERRUPTED
    teller.remark("Nothing is left running.")
    return 0


def ground(name: str) -> AbstractContextManager[grounds.Ground]:
    if name == "sandbox":
        return sandbox.ground()
    from demo import local  # its parts are the tests', and need more than the story on a sandbox

    return local.ground()


def leave(number: int, frame: FrameType | None) -> None:
    """The blocks unwind, so that nothing stays; a second signal cannot cut that short."""
    for again in ENDING:
        signal.signal(again, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
