"""The health of one object: the order of kstatus, the rule of its kind, the conditions that custom resources share.

Source of the rules: cli-utils, pkg/kstatus. Sentences begin with a verb: the object's name comes before them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler import custom_kinds, kinds
from reconciler.model import document, health, ids, manifests
from reconciler.verify import checks, conditions, deployments, family, jobs, judgement, ordered, pods, supporting

Rule = Callable[[document.Json, family.Family, judgement.Patience], judgement.Judgement]


@dataclass(frozen=True, slots=True)
class Asked:
    """Kinds whose objects have a health check of `application.yaml`, and what it says of those that were asked."""

    kinds: frozenset[ids.KindKey] = frozenset()
    answers: Mapping[ids.ObjectKey, health.Answer] = field(default_factory=dict)


NOTHING_ASKED = Asked()

CONTROLLED = frozenset({"deployment", "replica-set", "stateful-set", "daemon-set"})
"""Rules of kinds whose controller always writes `observedGeneration`: without it nobody has looked yet."""

SWITCHES = {"deployment": "paused", "job": "suspend"}
"""Rule → the field of `spec` that stops an object whose rollout or run is waited for."""


def assess(
    manifest: manifests.Manifest,
    found: document.Json | None,
    *,
    relatives: family.Family,
    patience: judgement.Patience,
    asked: Asked = NOTHING_ASKED,
) -> health.Health:
    """The health of the object that `manifest` wants, live as `found` (None: it is not there). `asked`: of the kinds
    that have a health check, what it says."""
    judged = _missing(manifest, patience) if found is None else _present(manifest, found, relatives, patience, asked)
    return health.Health(manifest.key, judged.state, judged.because, judged.blame)


def _missing(manifest: manifests.Manifest, patience: judgement.Patience) -> judgement.Judgement:
    absent = judgement.Judgement(health.State.MISSING, "is not there")
    if _rule(manifest.key) == "job":
        return jobs.gone(manifest.document(), patience) or absent
    return absent


def _present(
    manifest: manifests.Manifest,
    found: document.Json,
    relatives: family.Family,
    patience: judgement.Patience,
    asked: Asked,
) -> judgement.Judgement:
    """In the order of kstatus: what comes first makes what comes after it worthless."""
    if document.text(found, "metadata", "deletionTimestamp"):
        return judgement.progressing("is being deleted")
    name = _rule(manifest.key)
    if unseen := _unseen(found, required=name in CONTROLLED):
        return unseen
    if manifest.key.kind_key in asked.kinds:
        return checks.assess(asked.answers.get(manifest.key), found)
    if judgement.holds(found, "Reconciling"):
        return judgement.progressing(f"is being reconciled{_of(found, 'Reconciling')}")
    if judgement.holds(found, "Stalled"):
        return judgement.failed(f"has stalled{_of(found, 'Stalled')}")
    if described := custom_kinds.of(manifest.key):
        return conditions.described(described, found, patience)
    rule = RULES.get(name)
    if rule is None:
        return conditions.generic(found, patience)
    judged = rule(found, relatives, patience)
    if judged.state is health.State.SUSPENDED and not _on_purpose(manifest, SWITCHES.get(name)):
        return judgement.troubled(f"{judged.because}; Git does not ask for that")
    return judged


def _on_purpose(manifest: manifests.Manifest, switch: str | None) -> bool:
    """Whether Git itself stops the object. A `kubectl rollout pause` in the middle of a rollout must not make it pass:
    nothing has rolled out. It holds until somebody resumes."""
    return switch is None or document.at(manifest.document(), "spec", switch) is True


def _unseen(found: document.Json, *, required: bool) -> judgement.Judgement | None:
    """A status from before the last change says nothing of it, however good it looks."""
    generation = document.number(found, "metadata", "generation")
    observed = document.at(found, "status", "observedGeneration")
    if isinstance(observed, str) and observed.isdecimal():
        observed = int(observed)  # Argo Rollouts writes it as text
    if not isinstance(observed, int):
        return judgement.progressing("has not been looked at by its controller yet") if required else None
    if observed < generation:
        return judgement.progressing(f"its controller has seen generation {observed} of {generation}")
    return None


def _of(found: document.Json, condition: str) -> str:
    return judgement.because_of(judgement.condition(found, condition))


def _rule(key: ids.ObjectKey) -> str:
    kind = kinds.of(key)
    return kind.health if kind else ""


def _pod(found: document.Json, _: family.Family, patience: judgement.Patience) -> judgement.Judgement:
    return pods.judge(found, patience)


RULES: dict[str, Rule] = {
    "pod": _pod,
    "deployment": deployments.deployment,
    "replica-set": deployments.replica_set,
    "stateful-set": ordered.stateful_set,
    "daemon-set": ordered.daemon_set,
    "job": jobs.job,
    "cron-job": jobs.cron_job,
    "namespace": supporting.namespace,
    "custom-resource-definition": supporting.custom_resource_definition,
    "api-service": supporting.api_service,
    "persistent-volume": supporting.persistent_volume,
    "persistent-volume-claim": supporting.persistent_volume_claim,
    "service": supporting.service,
    "ingress": supporting.ingress,
    "horizontal-pod-autoscaler": supporting.horizontal_pod_autoscaler,
    "pod-disruption-budget": supporting.pod_disruption_budget,
}
"""By the word that `kinds` gives a kind."""
