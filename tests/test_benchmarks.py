"""What `make bench` shows of what it measured. The figures themselves are nobody's test: a busy machine has others."""

import importlib
import inspect
import xml.etree.ElementTree as ET

import pytest

from benchmarks import __main__ as runner
from benchmarks import chart, figures, page

FIGURE = figures.Figure("no-op", "processor", (3.0, 1.0, 1200.0), "ms", most=5, peers=(("Flux", 1300.0),))


def test_a_line_says_median_extremes_and_whether_the_target_is_reached() -> None:
    assert FIGURE.cells() == ("no-op", "processor", "3 ms", "1 – 1,200", "3", "≤ 5 ms", "yes", "Flux 1,300")
    slower = figures.Figure("bulk", "ours", (70.0,), "%", least=85, others="nobody has it")
    assert slower.cells() == ("bulk", "ours", "70 %", "", "1", "≥ 85 %", "no", "nobody has it")


def test_what_is_kept_is_what_was_found() -> None:
    assert figures.read(figures.plain([FIGURE])) == [FIGURE]


def test_the_chart_shows_what_has_peers_with_the_longest_bar_for_the_largest() -> None:
    drawn = ET.fromstring(chart.drawn([FIGURE, figures.Figure("alone", "x", (0.0,), "s")]))  # noqa: S314 - our own
    bars = [float(found.get("width", "0")) for found in drawn.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert len(bars) == 2
    assert bars[0] < bars[1]
    assert "alone" not in "".join(drawn.itertext())


@pytest.mark.parametrize("name", runner.ORDER)
def test_every_benchmark_can_be_run(name: str) -> None:
    measure = importlib.import_module(f"benchmarks.{name}").measure
    assert list(inspect.signature(measure).parameters) == ["quick"]
    assert inspect.getdoc(measure)


def test_the_page_has_its_place_for_the_figures() -> None:
    text = page.PAGE.read_text()
    assert text.index(page.BEGIN) < text.index(page.END)
