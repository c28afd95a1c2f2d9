"""Health by expressions of `application.yaml`: in progress, failed, current, in this order, as Flux asks them."""

from reconciler.model import document, health
from reconciler.verify import judgement


def assess(answer: health.Answer | None, found: document.Json) -> judgement.Judgement:
    """An expression that says nothing proves nothing. Until there is a status that is how things begin."""
    if answer is None:
        return _unknown("its health check was not asked yet")
    if answer.problem and not document.mapping(found, "status"):
        return judgement.progressing(f"has no status yet, and its health check needs one: {answer.problem}")
    if answer.problem:
        return _unknown(f"its health check says nothing: {answer.problem}")
    if answer.in_progress:
        return judgement.progressing("is in progress, says its health check")
    if answer.failed:
        return judgement.failed("has failed, says its health check")
    if answer.current:
        return judgement.healthy("is current, says its health check")
    return judgement.progressing("is not current yet, says its health check")


def _unknown(because: str) -> judgement.Judgement:
    return judgement.Judgement(health.State.UNKNOWN, because)
