"""What is kept of the runs, and the page and the chart that show it: `python -m benchmarks.page` draws both again."""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from benchmarks import chart, figures, machine

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs/performance.md"
CHART = HERE.parent / "docs/performance.svg"
BEGIN, END = "<!-- measured: begin, by `make bench` -->", "<!-- measured: end -->"


def keep(name: str, found: Sequence[Any]) -> None:
    """Put one benchmark's figures in the place of those measured before."""
    kept = _kept()
    kept["machine"] = machine.described()
    kept["benchmarks"][name] = {"measured": machine.moment(), "figures": found}
    RESULTS.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


def write() -> None:
    """Draw the chart and put the tables between the marks of the page."""
    kept = _kept()
    every = {name: figures.read(its["figures"]) for name, its in kept["benchmarks"].items()}
    CHART.write_text(chart.drawn([figure for found in every.values() for figure in found]))
    text = PAGE.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    parts = [" · ".join(f"{name} {value}" for name, value in kept["machine"].items())]
    for name, found in every.items():
        parts += [f"### {name}\n\nMeasured {kept['benchmarks'][name]['measured']}.", figures.table(found)]
    PAGE.write_text("\n\n".join([before, *parts, after]))
    print(f"{PAGE.relative_to(HERE.parent)} and {CHART.relative_to(HERE.parent)} show what is in {RESULTS.name}")


def _kept() -> dict[str, Any]:
    return dict(json.loads(RESULTS.read_text())) if RESULTS.exists() else {"machine": {}, "benchmarks": {}}


if __name__ == "__main__":
    write()
