"""What the daemon asked of the API server, sorted as C1 counts it."""

import enum
from collections.abc import Iterable
from typing import Any

USER_AGENT = "reconciler/"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
REVIEWS = frozenset({"authorization.k8s.io", "authentication.k8s.io"})
RECORDS = "fieldManager=reconciler-records"


class Call(enum.Enum):
    """The one word of every call. Only `COUNTED` ones need an intent (I1)."""

    COUNTED = "create, patch or delete of a managed object"
    DRY_RUN = "dry-run"
    REVIEW = "review: who are we, what may we"
    RECORD = "target record"
    WATCH = "watch"
    READ = "read"


UNCOUNTED = frozenset(Call) - {Call.COUNTED}


def ours(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of our own user agent."""
    return [line for line in lines if line.get("userAgent", "").startswith(USER_AGENT)]


def sort(line: dict[str, Any]) -> Call:
    """What kind of call an audit line tells of."""
    about, address = line.get("objectRef", {}), line["requestURI"]
    if line["verb"] == "watch":
        return Call.WATCH
    if line["verb"] not in WRITES:
        return Call.READ
    if "dryRun" in address:
        return Call.DRY_RUN
    if about.get("apiGroup") in REVIEWS:
        return Call.REVIEW
    return Call.RECORD if RECORDS in address else Call.COUNTED
