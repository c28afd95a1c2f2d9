"""
Run a real Kubernetes control plane in the foreground, on loopback, in a fresh temporary folder, without containers.

Prints `export KUBECONFIG=…` once it is ready. Pods are played by kwok: they are scheduled, become ready and fail as
their image tag says (web:v2-crash-loop; the words are in kwok.yaml), and run nothing. Ctrl-C or SIGTERM ends it and
removes the folder.
"""

import argparse
import os
import pathlib
import shlex
import signal
import sys
import threading
from types import FrameType

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))  # the checkout: `tests` is not an installed package

from tests.clusterkit import controlplane, processes  # found only through the line above

LOOK_EVERY = 0.2  # seconds between two looks at the parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")
    with_parent, parent = parser.parse_args().with_parent, os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    print("Starting a control plane …", file=sys.stderr, flush=True)
    try:
        with controlplane.running() as cluster:
            print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}", flush=True)
            print(f"Ready: Kubernetes at {cluster.server}. Stop it with Ctrl-C.", file=sys.stderr, flush=True)
            while not (with_parent and os.getppid() != parent):
                cluster.check()
                threading.Event().wait(LOOK_EVERY)
    except (processes.PartEndedError, TimeoutError) as problem:
        print(f"The control plane ended: {problem}", file=sys.stderr)
        return 1
    return 0


def leave(number: int, frame: FrameType | None) -> None:
    """Unwinds to the end of `running`, which ends the parts; a second signal cannot cut that short."""
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
