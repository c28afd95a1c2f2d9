"""The long versions: `make kill COUNT=1000`, `make pauses COUNT=200`."""

import argparse
import pathlib
import sys
import tempfile
import time

from tests.clusterkit import access, controlplane
from tests.kill import campaign, pauses


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("kills", "pauses"))
    parser.add_argument("--count", type=int, default=200, help="at random instants")
    parser.add_argument("--boundaries", action="store_true", help="kills also before and after every effect")
    parser.add_argument("--lanes", type=int, default=4, help="sites at once")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    given = parser.parse_args()
    carry_out = _kills if given.what == "kills" else _pauses
    with controlplane.running() as cluster, tempfile.TemporaryDirectory(prefix="reconciler-kill-") as folder:
        return carry_out(given, pathlib.Path(folder), cluster)


def _kills(given: argparse.Namespace, folder: pathlib.Path, cluster: access.ClusterAccess) -> int:
    began = time.monotonic()
    tally = campaign.run(
        folder, cluster, kills=given.count, boundaries=given.boundaries, seed=given.seed, lanes=given.lanes
    )
    print(campaign.table(tally, seed=given.seed, seconds=time.monotonic() - began))
    return 1 if tally.problems else 0


def _pauses(given: argparse.Namespace, folder: pathlib.Path, cluster: access.ClusterAccess) -> int:
    began = time.monotonic()
    pair = pauses.Pair(folder / "pair", cluster, seed=given.seed)
    try:
        tally = pair.run(pauses.orders(given.count, seed=given.seed))
    finally:
        pair.close()
    print(pauses.table(tally, seed=given.seed, seconds=time.monotonic() - began))
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
