"""The order that a document's annotations ask for: its wave. What cannot be understood is refused, never 0."""

from collections.abc import Mapping

from reconciler.model import document, order

WAVES_NOTE = f"{order.ARGO_WAVE} is read as {order.WAVE}"


def wave(annotations: Mapping[str, document.JsonValue]) -> tuple[int, list[str]]:
    """The wave, 0 when none is named, and what is wrong with it."""
    found: dict[str, int] = {}
    complaints = []
    for name in (order.WAVE, order.ARGO_WAVE):
        if name in annotations:
            number = order.number(annotations[name])
            if number is None:
                complaints.append(
                    f'metadata.annotations.{name} is no whole number in quotes; write one as in {order.WAVE}: "1"'
                )
            else:
                found[name] = number
    if len(set(found.values())) > 1:
        complaints.append(
            f'metadata.annotations has {order.WAVE}: "{found[order.WAVE]}" and'
            f' {order.ARGO_WAVE}: "{found[order.ARGO_WAVE]}"; keep one of them'
        )
    return next(iter(found.values()), 0), complaints


def notes(annotations: Mapping[str, document.JsonValue]) -> list[str]:
    """What a person should know of the annotations' meaning here."""
    return [WAVES_NOTE] if order.ARGO_WAVE in annotations and order.WAVE not in annotations else []
