"""How a report looks: for a person, and for a script."""

import dataclasses
import json
from collections.abc import Iterator, Sequence

from wild import trying

SHOWN = 30
"""Lines of one list: what more there is, the JSON has."""


def as_json(report: trying.Report) -> str:
    found = dataclasses.asdict(report)
    found["failures"] = [
        {"whose": failure.whose.value, "because": failure.because, "why": failure.why} for failure in report.failures
    ]
    return json.dumps(found | {"applied": report.applied, "clean": report.clean}, indent=2)


def text(report: trying.Report) -> str:
    """The whole report; ends with the verdict."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: trying.Report) -> Iterator[str]:
    yield f"{report.source}: {report.shape}, on Kubernetes {report.kubernetes}"
    if report.objects:
        kinds = ", ".join(f"{count} {kind}" for kind, count in report.kinds.items())
        yield f"  renders to {report.objects} objects: {kinds}"
        yield f"  namespaces made beforehand: {', '.join(report.made_before)}"
        yield f"  created {report.created} of {report.objects} with {report.calls} calls; {report.outcome}"
    yield from _list("notes", report.notes)
    yield from _list("warnings of the API server", report.warnings)
    if report.second is not None:
        yield f"  second pass: {len(report.second)} counted calls"
    if report.again is not None:
        yield f"  planned afresh: {len(report.again)} objects would be written again"
    if report.left is not None:
        yield f"  removal: {report.removed} of {report.objects} objects gone"
    yield from _list(
        "failures",
        [f"{found.whose.value}: {found.because}  [{found.why}]" for found in report.failures],
    )
    costs = [f"{step} {seconds:g} s" for step, seconds in report.seconds.items()]
    yield "  " + ", ".join([*costs, *([f"at most {report.memory} MiB"] if report.memory else [])])
    yield f"  {verdict(report)}"


def _list(name: str, found: Sequence[str]) -> Iterator[str]:
    if found:
        yield f"  {name}:"
        yield from (f"    {_safe(line)}" for line in found[:SHOWN])
    if len(found) > SHOWN:
        yield f"    and {len(found) - SHOWN} more"


def verdict(report: trying.Report) -> str:
    """One line."""
    if not report.applied:
        return "NOT APPLIED"
    if report.second or report.again:
        return "APPLIED, AND APPLIED AGAIN"
    if report.left:
        return "APPLIED, AND NOT ALL REMOVED"
    return "APPLIED, QUIET, REMOVED" if report.clean else "APPLIED"


def _safe(line: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in line)
