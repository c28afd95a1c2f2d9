"""Answers of HTTP probes → health. A probe passes by its newest answer, and fails by as many failures in a row as its
settings say; whatever lies between is not known."""

from collections.abc import Sequence

from reconciler.model import health, ids, targets

KIND = "HttpProbe"
"""Stands for a probe among the parts of a report. No such kind exists in a cluster."""


def assess(probe: targets.HttpProbe, samples: Sequence[health.ProbeSample]) -> health.Health:
    """`samples` of all probes, oldest first. Questions that could not be asked neither count nor break a row."""
    own = [sample for sample in samples if sample.url == probe.url]
    key = ids.ObjectKey("", KIND, "", probe.url.partition("?")[0])  # a query may hold a token
    if not own:
        return health.Health(key, health.State.UNKNOWN, "has not been asked yet")
    row = _row(own)
    newest = own[-1]
    if row >= probe.failures:
        because = f"has failed {row} times in a row: {newest.because}"
        return health.Health(key, health.State.DEGRADED, because, health.Blame.RELEASE)
    if newest.ok is None:
        return health.Health(key, health.State.UNKNOWN, f"could not be asked: {newest.because}")
    if newest.ok:
        return health.Health(key, health.State.HEALTHY, f"{newest.because}, {len(own)} times asked")
    because = f"has failed {row} of the {probe.failures} times in a row that fail the release: {newest.because}"
    return health.Health(key, health.State.UNKNOWN, because)


def _row(own: Sequence[health.ProbeSample]) -> int:
    """Failures since the last answer that passed."""
    row = 0
    for sample in reversed(own):
        if sample.ok:
            break
        row += sample.ok is False
    return row
