"""Figures and how they are shown: the median of what was measured, with its extremes, beside the target and a peer."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table. `samples` in `unit`; `least`/`most` is the target, None where there is none.

    `peers`: name → what it needs, in `unit`; measured before on the same kind of machine (docs/performance.md).
    `others`: what is to be said of them instead.
    """

    benchmark: str
    what: str
    samples: tuple[float, ...]
    unit: str
    most: float | None = None
    least: float | None = None
    peers: tuple[tuple[str, float], ...] = ()
    others: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the target; None without one."""
        if self.most is not None:
            return self.median <= self.most
        return self.median >= self.least if self.least is not None else None

    @property
    def target(self) -> str:
        if self.most is not None:
            return f"≤ {short(self.most)} {self.unit}".strip()
        return f"≥ {short(self.least)} {self.unit}".strip() if self.least is not None else ""

    def cells(self) -> tuple[str, ...]:
        spread = f"{short(min(self.samples))} – {short(max(self.samples))}" if len(self.samples) > 1 else ""
        verdict = {True: "yes", False: "no", None: ""}[self.reached]
        ours = f"{short(self.median)} {self.unit}".strip()
        others = self.others or ", ".join(f"{name} {short(value)}" for name, value in self.peers)
        return self.benchmark, self.what, ours, spread, str(len(self.samples)), self.target, verdict, others


HEAD = ("benchmark", "what", "ours (median)", "min – max", "n", "target", "reached", "others")


def short(value: float) -> str:
    """Three digits that matter."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(samples: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: with 20 samples the 99th is the worst."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(figures: Sequence[Figure]) -> str:
    """Markdown that also reads well in a terminal."""
    rows = [HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def plain(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """As JSON can hold them."""
    return [dataclasses.asdict(figure) for figure in figures]


def read(entries: Sequence[dict[str, Any]]) -> list[Figure]:
    """The inverse of `plain`."""
    return [
        Figure(
            **(
                entry
                | {"samples": tuple(entry["samples"])}
                | {"peers": tuple((name, value) for name, value in entry["peers"])}
            )
        )
        for entry in entries
    ]
