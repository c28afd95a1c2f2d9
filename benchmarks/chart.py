"""The chart of docs/performance.md: ours beside the others, each benchmark on a logarithmic scale of its own."""

import math
from collections.abc import Sequence
from html import escape

from benchmarks import figures

WIDTH, LABEL, RIGHT = 860, 150, 110
BAR, GAP, HEAD = 16, 5, 30
COLOURS = {"ours": "#1f6feb", "target": "#8b949e"}
OTHERS = "#c9d1d9"
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#24292f}.head{font-weight:600}.small{fill:#57606a}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.page{fill:#0d1117}.peer{fill:#484f58}}"
)


def drawn(every: Sequence[figures.Figure]) -> str:
    """SVG of the figures that have peers."""
    shown = [figure for figure in every if figure.peers]
    parts: list[str] = []
    top = 8
    for figure in shown:
        parts += _panel(figure, top)
        top += HEAD + (1 + len(figure.peers)) * (BAR + GAP) + 12
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}">'
    page = f'<rect class="page" width="{WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", page, *parts, "</svg>"]) + "\n"


def _panel(figure: figures.Figure, top: int) -> list[str]:
    """A heading, and a bar each. Logarithmic: the longest bar is the largest value, a tenth of the smallest is none."""
    rows = [("this reconciler", figure.median), *figure.peers]
    target = figure.most if figure.most is not None else figure.least
    known = [value for _, value in rows if value > 0] + ([target] if target else [])
    low, high = math.log10(min(known)) - 0.5, math.log10(max(known))
    room = WIDTH - LABEL - RIGHT

    def reach(value: float) -> float:
        return max(2.0, (math.log10(value) - low) / (high - low) * room) if value > 0 else 2.0

    better = "more is better" if figure.least is not None or figure.unit.endswith("/s") else "less is better"
    parts = [
        f'<text class="head" x="8" y="{top + 16}">{escape(figure.benchmark)}: {escape(figure.what)}'
        f'<tspan class="small" font-weight="400"> ({escape(figure.unit)}, {better})</tspan></text>'
    ]
    y = top + HEAD
    for name, value in rows:
        ours = name == rows[0][0]
        fill, kind = (COLOURS["ours"], "own") if ours else (OTHERS, "peer")
        parts += [
            f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{reach(value):.1f}" height="{BAR}" fill="{fill}"/>',
            f'<text x="{LABEL + reach(value) + 6:.1f}" y="{y + 12}">{figures.short(value)}</text>',
        ]
        y += BAR + GAP
    if target:
        x = LABEL + reach(target)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top + HEAD - 3}" y2="{y - 2}" stroke="{COLOURS["target"]}"'
            f' stroke-dasharray="3 2"><title>target: {escape(figure.target)}</title></line>'
        )
    return parts
