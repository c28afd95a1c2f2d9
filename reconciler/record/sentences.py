"""Event → one line for a person: logs, `history`, messages."""

from reconciler.model import records

ABOUT_ALL = "reconciler"
"""Stands where the target would, in an event of no target."""


def line(event: records.Event) -> str:
    """`production/web rolled out: all healthy (revision 1a2b3c)`. One line, printable only. Its time is beside it
    wherever it is shown: a log has its own."""
    head = f"{event.target or ABOUT_ALL} {event.kind.value.replace('-', ' ')}"
    because = f": {event.because}" if event.because else ""
    data = ", ".join(f"{name} {value}" for name, value in event.data)
    return _printable(f"{head}{because}{f' ({data})' if data else ''}")


def _printable(text: str) -> str:
    """A reason may quote an application: it must not start a line or move the cursor of a terminal."""
    text = " ".join(text.split())
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
