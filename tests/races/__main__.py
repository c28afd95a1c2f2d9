"""The long version: `make races COUNT=1000`."""

import argparse
import asyncio
import pathlib
import sys
import tempfile
import time

from tests.races import campaign


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="races")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reconciler-races-") as folder:
        tally = asyncio.run(campaign.run(pathlib.Path(folder), count=given.count, seed=given.seed))
    print(campaign.table(tally, seed=given.seed, seconds=time.monotonic() - began))
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
