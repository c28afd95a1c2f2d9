"""`make bench`: every benchmark in a process of its own; what was found goes to `results.json`, and from there into
docs/performance.md and its chart."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from benchmarks import machine, page

ORDER = (
    "ceiling",
    "noop",
    "commit_to_applied",
    "bulk",
    "apps",
    "cold_start",
    "drift",
    "revert",
    "poll",
    "monorepo",
    "rehearse",
)


def run(name: str, *, quick: bool) -> list[object]:
    """The figures of one benchmark. It prints its own table."""
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        found = pathlib.Path(folder) / "figures.json"
        words = ["--quick"] if quick else []
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", "--json", str(found), *words], check=True)
        return list(json.loads(found.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which, of: {', '.join(ORDER)} (all)")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works; keeps nothing")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(ORDER):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(ORDER)}")
    failed = []
    for name in asked.names or ORDER:
        print(f"\n## {name}: {machine.moment()}", flush=True)
        try:
            found = run(name, quick=asked.quick)
        except subprocess.CalledProcessError:
            failed.append(name)
            continue
        if not asked.quick:
            page.keep(name, found)
    if not asked.quick:
        page.write()
    if failed:
        sys.exit(f"could not be measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
