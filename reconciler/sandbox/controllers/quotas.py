"""ResourceQuotas, as far as they count pods: what else they limit is not modelled."""

from reconciler.model import document, ids
from reconciler.sandbox.controllers import world

KIND = ids.KindKey("", "ResourceQuota")
WORDS = ("pods", "count/pods")


def exceeded(cluster: world.World, namespace: str) -> str:
    """Why one more pod is refused, in the words of the API server; '' when it is not."""
    quotas = cluster.kept.of_kind(KIND, namespace)
    if not quotas:
        return ""
    used = sum(1 for pod in cluster.kept.of_kind(world.POD, namespace) if _counts(pod.body))
    for quota in quotas:
        hard = document.mapping(quota.body, "spec", "hard")
        for word in WORDS:
            limit = str(hard.get(word, ""))
            if limit.isdecimal() and used >= int(limit):
                said = f"exceeded quota: {quota.key.name}, requested: {word}=1, used: {word}={used}"
                return f"{said}, limited: {word}={limit}"
    return ""


def _counts(pod: document.Json) -> bool:
    return document.text(pod, "status", "phase") not in ("Succeeded", "Failed")
