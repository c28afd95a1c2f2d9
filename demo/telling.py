"""How the story looks: headings, timed lines and verdicts, with live progress below them on a terminal.

Where standard output is no terminal there is no colour and nothing moves: each line is printed once, unwrapped.
"""

import time
from collections.abc import Iterable
from types import TracebackType

from rich import console as consoles
from rich import live, spinner, table, text

from demo import following
from reconciler.model import records

FRAMES_A_SECOND = 10
STYLES = {
    records.EventKind.ROLLED_OUT: "green",
    records.EventKind.DRIFT_HEALED: "green",
    records.EventKind.REVERTED: "green",
    records.EventKind.REVERT_PUSHED: "green",
    records.EventKind.ROLLOUT_FAILED: "red",
    records.EventKind.QUARANTINED: "yellow",
    records.EventKind.DRIFT_SEEN: "yellow",
    records.EventKind.HELD: "yellow",
    records.EventKind.PAGE: "red",
}
KIND_WIDTH = 19
"""Columns of the longest kind of event, `quarantine released`."""
REPEATING = (records.EventKind.ROLLOUT_STARTED, records.EventKind.HELD)
"""What follows from another event and says its reason again: cut here, `reconciler history` shows all of it."""
LONGEST = 120
"""Characters of such a reason."""
MARKS = {
    following.State.READY: ("●", "green"),
    following.State.STARTING: ("◌", "yellow"),
    following.State.CRASHING: ("✗", "red"),
    following.State.ENDING: ("·", "dim"),
}


class Teller:
    """Prints from top to bottom. Width, colours and NO_COLOR are rich's to find out."""

    def __init__(self, console: consoles.Console | None = None) -> None:
        self.console = console or consoles.Console(highlight=False)
        self._since = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the last heading."""
        return time.monotonic() - self._since

    def title(self, name: str, about: str) -> None:
        self._print(text.Text(name, style="bold"))
        self._print(text.Text(about, style="dim"))
        self._since = time.monotonic()

    def scene(self, number: int, name: str) -> None:
        """A heading; times count from here."""
        self._print(text.Text(""))
        self._print(text.Text(f"{number} · {name}", style="bold cyan"))
        self._since = time.monotonic()

    def command(self, line: str, about: str = "") -> None:
        """What a person does: the command, and what it is about."""
        self._row("", text.Text.assemble("$ ", (line, "bold"), (f"   # {about}" if about else "", "dim")))

    def happened(self, what: str, because: str = "", *, style: str = "") -> None:
        """Something that was seen, with the time since the heading."""
        self._row(f"{self.elapsed:.1f} s", text.Text(what, style=style), clean(because))

    def event(self, event: records.Event) -> None:
        """A line of the daemon's journal."""
        because = event.because
        if len(because) > LONGEST and event.kind in REPEATING:
            because = f"{because[: LONGEST - 1]}…"
        self.happened(event.kind.value.replace("-", " "), because, style=STYLES.get(event.kind, ""))

    def quote(self, lines: Iterable[str]) -> None:
        """Output of a command, as it is."""
        for line in lines:
            self._row("", text.Text(clean(line), style="dim"))

    def true(self, claim: str) -> None:
        """Something that was checked and holds."""
        self._row("✓", text.Text(claim, style="green"))

    def failed(self, why: str) -> None:
        first, *rest = why.splitlines()
        self._print(text.Text(""))
        self._row("✗", text.Text(first, style="bold red"))
        for line in rest:
            self._row("", text.Text(clean(line)))

    def remark(self, line: str) -> None:
        self._print(text.Text(line, style="dim"))

    def heading(self, line: str) -> None:
        self._print(text.Text(""))
        self._print(text.Text(line, style="bold"))

    def advice(self, line: str, about: str = "") -> None:
        """A command to try, on one line so that it can be copied, and what it shows."""
        self.console.print(text.Text(f"  {line}"), soft_wrap=True)
        if about:
            self._print(text.Text(f"      {about}", style="dim"))

    def waiting(self, what: str) -> "Waiting":
        """Live progress while the block runs."""
        return Waiting(self, what)

    def _row(self, mark: str, shown: text.Text, because: str = "") -> None:
        """A line in columns; what is too long for a terminal goes on under the beginning of its own column."""
        if because:
            shown.pad_right(KIND_WIDTH - len(shown.plain))
        if not self.console.is_terminal:
            self._print(text.Text.assemble(f"{mark:>7}  ", shown, f" {because}" if because else ""))
            return
        grid = table.Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=7, justify="right", style="green" if mark == "✓" else "red" if mark == "✗" else "dim")
        grid.add_column(overflow="fold", min_width=KIND_WIDTH if because else None)
        grid.add_column(overflow="fold")
        grid.add_row(mark, shown, text.Text(because))
        self.console.print(grid)

    def _print(self, shown: text.Text) -> None:
        self.console.print(shown, soft_wrap=not self.console.is_terminal)


class Waiting:
    """One line that moves, and the pods below it; gone when the wait is over."""

    def __init__(self, teller: Teller, what: str) -> None:
        self._what = what
        self._teller = teller
        self._spinner = spinner.Spinner("dots", style="cyan")
        self._pods: tuple[following.Pod, ...] = ()
        self._live: live.Live | None = None

    def __enter__(self) -> "Waiting":
        if self._teller.console.is_terminal:
            self._live = live.Live(
                console=self._teller.console,
                get_renderable=self._render,
                refresh_per_second=FRAMES_A_SECOND,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, pods: tuple[following.Pod, ...]) -> None:
        self._pods = pods

    def _render(self) -> consoles.RenderableType:
        self._spinner.update(text=text.Text(f"{self._what} … {self._teller.elapsed:.0f} s", style="cyan"))
        return consoles.Group(self._spinner, *(self._workload(name) for name in following.workloads(self._pods)))

    def _workload(self, name: str) -> text.Text:
        shown = text.Text(f"         {name:<8}", no_wrap=True, overflow="ellipsis")
        mine = [pod for pod in self._pods if pod.workload == name]
        for version in sorted({pod.version for pod in mine}):
            for pod in mine:
                if pod.version == version:
                    mark, style = MARKS[pod.state]
                    shown.append(f"{mark} ", style)
            shown.append(f"{version}   ", "dim")
        return shown


def clean(quoted: str) -> str:
    """Somebody else's text on one line, with nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in quoted.rstrip("\n"))
