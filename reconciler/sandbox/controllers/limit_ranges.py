"""LimitRanges, as far as they say how large a pod may be: least sizes, ratios and defaults are not modelled."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from reconciler.model import document, ids
from reconciler.sandbox import settling
from reconciler.sandbox.controllers import world

KIND = ids.KindKey("", "LimitRange")


def exceeded(cluster: world.World, namespace: str, spec: document.Json) -> str:
    """Why a pod of this spec is refused, in the words of the API server; '' when it is not."""
    containers = [found for found in document.items(spec, "containers") if isinstance(found, dict)]
    limits = [document.mapping(container, "resources", "limits") for container in containers]
    for found in cluster.kept.of_kind(KIND, namespace):
        for limit in document.items(found.body, "spec", "limits"):
            if isinstance(limit, dict):
                for because in _beyond(limit, limits):
                    return because
    return ""


def _beyond(limit: document.Json, limits: Sequence[document.Json]) -> Iterator[str]:
    kind = document.text(limit, "type")
    for resource, most in document.mapping(limit, "max").items():
        here = f"maximum {resource} usage per {kind} is {most}"
        wanted = [found[resource] for found in limits if resource in found]
        sums: list[Decimal] = [settling.amount(value) for value in wanted]
        if kind == "Pod":
            if not wanted:
                yield f"{here}.  No limit is specified"
            sums = [sum(sums, Decimal())]
        elif kind != "Container":  # one without a limit is given the largest
            continue
        for size in sums:
            if size > settling.amount(most):
                yield f"{here}, but limit is {settling.quantity(str(size))}"
