"""The long version: `make kill COUNT=1000`, or `python -m tests.kill --count 1000 --boundaries`."""

import argparse
import pathlib
import sys
import tempfile
import time

from tests.clusterkit import controlplane
from tests.kill import campaign


def main() -> int:
    parser = argparse.ArgumentParser(description=campaign.__doc__)
    parser.add_argument("--count", type=int, default=1000, help="kills at random instants")
    parser.add_argument("--boundaries", action="store_true", help="also before and after every effect")
    parser.add_argument("--lanes", type=int, default=4, help="sites at once")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    given = parser.parse_args()
    began = time.monotonic()
    with controlplane.running() as cluster, tempfile.TemporaryDirectory(prefix="reconciler-kill-") as folder:
        tally = campaign.run(
            pathlib.Path(folder),
            cluster,
            kills=given.count,
            boundaries=given.boundaries,
            seed=given.seed,
            lanes=given.lanes,
        )
    print(campaign.table(tally, seed=given.seed, seconds=time.monotonic() - began))
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
