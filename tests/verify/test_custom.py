"""Custom resources by real statuses of their controllers, cut to what tells how they do."""

from typing import Any

import pytest

from reconciler import custom_kinds, kinds
from reconciler.model import health, ids
from tests.verify import examples

STATE = health.State
RELEASE, WORLD = health.Blame.RELEASE, health.Blame.WORLD


def conditions(**states: Any) -> examples.Doc:
    return {"conditions": examples.conditions(**states)}


def phase(word: str, message: str = "") -> examples.Doc:
    return {"phase": word, **({"message": message} if message else {})}


CERTIFICATE, REQUEST = ("cert-manager.io/v1", "Certificate"), ("cert-manager.io/v1", "CertificateRequest")
PROMETHEUS, MONITOR = ("monitoring.coreos.com/v1", "Prometheus"), ("monitoring.coreos.com/v1", "ServiceMonitor")
GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")
ROLLOUT = ("argoproj.io/v1alpha1", "Rollout")
KNATIVE = ("serving.knative.dev/v1", "Service")
BUCKET = ("s3.aws.upbound.io/v1beta1", "Bucket")
SEALED, EXTERNAL = ("bitnami.com/v1alpha1", "SealedSecret"), ("external-secrets.io/v1", "ExternalSecret")
STORE, SCALED = ("external-secrets.io/v1", "SecretStore"), ("keda.sh/v1alpha1", "ScaledObject")
POSTGRES, KAFKA = ("postgresql.cnpg.io/v1", "Cluster"), ("kafka.strimzi.io/v1beta2", "Kafka")
TOPOLOGY, RABBIT = ("kafka.strimzi.io/v1beta2", "KafkaTopic"), ("rabbitmq.com/v1beta1", "RabbitmqCluster")
PROVIDER, RUN = ("pkg.crossplane.io/v1", "Provider"), ("tekton.dev/v1", "PipelineRun")
ARGO_APPLICATION, WORKFLOW = ("argoproj.io/v1alpha1", "Application"), ("argoproj.io/v1alpha1", "Workflow")
UNSEALED = ("False", "", "no key could decrypt secret (password)")
ISSUED = ("True", "Ready", "Certificate is up to date and has not expired")
BACKING_OFF = ("False", "Failed", "The certificate request has failed to complete and will be retried")
DOES_NOT_EXIST = ("False", "DoesNotExist", "Issuing certificate as Secret does not exist")
NOT_ALL = {"Ready": ("False", "RevisionMissing"), "ConfigurationsReady": "Unknown"}


@pytest.mark.parametrize(
    ("kind", "status", "state", "blame", "because"),
    [
        (CERTIFICATE, {}, STATE.PROGRESSING, None, "has no condition Ready yet"),
        (CERTIFICATE, conditions(Ready=ISSUED), STATE.HEALTHY, None, "is up to date"),
        (CERTIFICATE, conditions(Issuing="True", Ready=DOES_NOT_EXIST), STATE.PROGRESSING, None, "Secret does not"),
        (CERTIFICATE, conditions(Issuing="True", Ready=ISSUED), STATE.HEALTHY, None, "is ready"),
        (CERTIFICATE, conditions(Issuing=BACKING_OFF, Ready="False"), STATE.DEGRADED, WORLD, "will be retried"),
        (REQUEST, conditions(Denied="True", Ready="False"), STATE.DEGRADED, RELEASE, "Denied is True"),
        (REQUEST, conditions(InvalidRequest="True"), STATE.DEGRADED, RELEASE, "InvalidRequest"),
        (REQUEST, conditions(Ready=("False", "Pending")), STATE.PROGRESSING, None, "Pending"),
        (("cert-manager.io/v1", "ClusterIssuer"), conditions(Ready="True"), STATE.HEALTHY, None, "is ready"),
        (PROMETHEUS, conditions(Available="True", Reconciled="True"), STATE.HEALTHY, None, "is Reconciled"),
        (PROMETHEUS, conditions(Available=("Degraded", "SomePodsNotReady")), STATE.PROGRESSING, None, "SomePods"),
        (PROMETHEUS, conditions(Available="True"), STATE.PROGRESSING, None, "no condition Reconciled"),
        (MONITOR, {}, STATE.HEALTHY, None, "1 object is healthy"),
        (GATEWAY, conditions(Accepted="True", Programmed="True"), STATE.HEALTHY, None, "is programmed"),
        (GATEWAY, conditions(Accepted="True", Programmed=("False", "Pending")), STATE.PROGRESSING, None, "Pending"),
        (GATEWAY, conditions(Accepted=("False", "InvalidParameters")), STATE.DEGRADED, RELEASE, "InvalidParameters"),
        (ROLLOUT, {"observedGeneration": "1", **phase("Healthy")}, STATE.HEALTHY, None, "says Healthy"),
        (ROLLOUT, {"observedGeneration": "0", **phase("Healthy")}, STATE.PROGRESSING, None, "generation 0 of 1"),
        (ROLLOUT, phase("Progressing", "more replicas need to be updated"), STATE.PROGRESSING, None, "more replicas"),
        (ROLLOUT, phase("Paused", "CanaryPauseStep"), STATE.DEGRADED, WORLD, "says Paused (CanaryPauseStep)"),
        (ROLLOUT, phase("Degraded", "RolloutAborted: metric failed"), STATE.DEGRADED, RELEASE, "metric failed"),
        (KNATIVE, conditions(Ready="True", RoutesReady="True"), STATE.HEALTHY, None, "is ready"),
        (KNATIVE, conditions(Ready=("Unknown", "Deploying")), STATE.PROGRESSING, None, "Deploying"),
        (KNATIVE, conditions(**NOT_ALL), STATE.DEGRADED, RELEASE, "RevisionMissing"),
        (BUCKET, conditions(Synced="True", Ready="True"), STATE.HEALTHY, None, "is ready"),
        (BUCKET, conditions(Synced=("False", "ReconcileError", "denied")), STATE.PROGRESSING, None, "denied"),
        (BUCKET, conditions(Synced="True", Ready=("False", "Creating")), STATE.PROGRESSING, None, "Creating"),
        (BUCKET, {}, STATE.PROGRESSING, None, "no condition Synced"),
        (("aws.upbound.io/v1beta1", "ProviderConfig"), {"users": 3}, STATE.HEALTHY, None, "1 object"),
        (PROVIDER, conditions(Installed="True", Healthy="True"), STATE.HEALTHY, None, "is Healthy"),
        (PROVIDER, conditions(Installed="True", Healthy="Unknown"), STATE.PROGRESSING, None, "is not Healthy"),
        (SEALED, {}, STATE.PROGRESSING, None, "no condition Synced"),
        (SEALED, {"observedGeneration": 1, **conditions(Synced="True")}, STATE.HEALTHY, None, "is synced"),
        (SEALED, {"observedGeneration": 1, **conditions(Synced=UNSEALED)}, STATE.DEGRADED, RELEASE, "no key could"),
        (EXTERNAL, conditions(Ready=("True", "SecretSynced")), STATE.HEALTHY, None, "SecretSynced"),
        (EXTERNAL, conditions(Ready=("False", "SecretSyncedError")), STATE.DEGRADED, WORLD, "SecretSyncedError"),
        (STORE, conditions(Ready=("False", "ValidationFailed")), STATE.DEGRADED, WORLD, "ValidationFailed"),
        (STORE, conditions(Ready=("True", "Valid")), STATE.HEALTHY, None, "Valid"),
        (SCALED, conditions(Ready="True", Active="False", Fallback="False"), STATE.HEALTHY, None, "is ready"),
        (SCALED, conditions(Ready="True", Paused="True"), STATE.SUSPENDED, None, "Paused is True"),
        (SCALED, conditions(Ready=("False", "ScaledObjectCheckFailed")), STATE.PROGRESSING, None, "CheckFailed"),
        (POSTGRES, conditions(Ready=("False", "ClusterIsNotReady")), STATE.PROGRESSING, None, "ClusterIsNotReady"),
        (POSTGRES, conditions(Ready=("True", "ClusterIsReady")), STATE.HEALTHY, None, "ClusterIsReady"),
        (KAFKA, conditions(Ready="True"), STATE.HEALTHY, None, "is ready"),
        (KAFKA, conditions(NotReady=("True", "Creating")), STATE.PROGRESSING, None, "no condition Ready"),
        (KAFKA, conditions(NotReady=("True", "InvalidResourceException")), STATE.DEGRADED, RELEASE, "Invalid"),
        (TOPOLOGY, conditions(ReconciliationPaused="True"), STATE.SUSPENDED, None, "ReconciliationPaused"),
        (RABBIT, conditions(AllReplicasReady="True", ReconcileSuccess="True"), STATE.HEALTHY, None, "1 object"),
        (ARGO_APPLICATION, {"health": {"status": "Healthy"}}, STATE.HEALTHY, None, "says Healthy"),
        (ARGO_APPLICATION, {"health": {"status": "Degraded"}}, STATE.DEGRADED, RELEASE, "says Degraded"),
        (WORKFLOW, phase("Running"), STATE.PROGRESSING, None, "says Running"),
        (WORKFLOW, {}, STATE.PROGRESSING, None, "has no status.phase yet"),
        (RUN, conditions(Succeeded=("Unknown", "Running")), STATE.PROGRESSING, None, "Running"),
        (RUN, conditions(Succeeded=("False", "Failed")), STATE.DEGRADED, RELEASE, "Failed"),
        (("networking.istio.io/v1", "VirtualService"), {}, STATE.HEALTHY, None, "1 object"),
    ],
)
def test_well_known_kinds(
    kind: tuple[str, str], status: examples.Doc, state: health.State, blame: health.Blame | None, because: str
) -> None:
    seen = examples.reported([examples.found(*kind, status=status)])
    assert (seen.state, seen.blame) == (state, blame), seen.because
    assert because in f"{seen.because}; {seen.parts[0].because}"


@pytest.mark.parametrize(("spent", "state"), [(5.0, STATE.PROGRESSING), (15.0, STATE.DEGRADED)])
def test_the_worlds_failure_is_not_told_in_the_first_moment(spent: float, state: health.State) -> None:
    """A store that comes in the same wave, a moment later than what needs it."""
    status = conditions(Ready=("False", "SecretSyncedError"))
    assert examples.reported([examples.found(*EXTERNAL, status=status)], spent=spent).state is state


GROUP = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
PUBLIC, INTERNAL = GROUP | {"name": "public"}, GROUP | {"name": "internal", "namespace": "infra"}


def told(reference: examples.Doc, generation: int = 1, **states: Any) -> examples.Doc:
    made = examples.conditions(**states)
    return {"parentRef": reference, "conditions": [one | {"observedGeneration": generation} for one in made]}


TAKEN: dict[str, Any] = {"Accepted": "True", "ResolvedRefs": "True"}


@pytest.mark.parametrize(
    ("parents", "state", "because"),
    [
        ([], STATE.PROGRESSING, "parent public has not taken it yet"),
        ([told(PUBLIC, **TAKEN)], STATE.PROGRESSING, "parent internal has not taken it yet"),
        ([told(PUBLIC, **TAKEN), told(INTERNAL, **TAKEN)], STATE.HEALTHY, "2 parents serve it"),
        ([told(PUBLIC, 0, **TAKEN), told(INTERNAL, **TAKEN)], STATE.PROGRESSING, "public: its condition Accepted"),
        (
            [told(PUBLIC, **TAKEN), told(INTERNAL, **TAKEN | {"Accepted": ("False", "NoMatchingListenerHostname")})],
            STATE.PROGRESSING,
            "parent internal: is not accepted (NoMatchingListenerHostname)",
        ),
        (
            [told(PUBLIC, **TAKEN | {"ResolvedRefs": ("False", "BackendNotFound")}), told(INTERNAL, **TAKEN)],
            STATE.PROGRESSING,
            "parent public: is not ResolvedRefs (BackendNotFound)",
        ),
        (["nonsense", told(PUBLIC, **TAKEN), told(INTERNAL, **TAKEN)], STATE.HEALTHY, "2 parents"),
    ],
)
def test_a_route_is_served_by_each_of_its_parents(parents: list[Any], state: health.State, because: str) -> None:
    route = examples.found(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        spec={"parentRefs": [PUBLIC, INTERNAL]},
        status={"parents": parents},
    )
    seen = examples.reported([route])
    assert seen.state is state, seen.because
    assert because in seen.parts[0].because


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "has no status"),
        ({"phase": "whatever"}, "has a status without conditions"),
        (conditions(Deployed="True"), "has no condition Ready (only Deployed)"),
        ({"conditions": "none"}, "has a status without conditions"),
    ],
)
def test_a_kind_that_says_nothing_is_waited_for_a_while_and_then_told_apart(status: examples.Doc, said: str) -> None:
    """Unknown is not passed: it never counts among the healthy, and the report says it."""
    found = examples.found("example.com/v1", "Backup", status=status)
    early = examples.reported([found], spent=29.0)
    assert early.state is STATE.PROGRESSING
    assert early.because == f"Backup web: exists; it {said}{': nothing here tells how it does'}, yet"
    late = examples.reported([found, examples.deployment()], spent=30.0)
    assert late.state is STATE.SUSPENDED
    assert late.because.startswith(f"1 object is healthy; Backup web: exists; it {said}")
    assert examples.reported([found], spent=0.0, observing=True).state is STATE.SUSPENDED


def test_patience_with_a_silent_kind_never_reaches_the_deadline() -> None:
    hasty = examples.VERIFICATION.__class__(progress_deadline=10.0, observe=1.0, restarts=3, probes=())
    found = examples.found("example.com/v1", "Backup")
    assert examples.reported([found], spent=5.0, verification=hasty).state is STATE.SUSPENDED


@pytest.mark.parametrize(
    ("group", "kind", "known"),
    [
        ("s3.aws.upbound.io", "Bucket", custom_kinds.ByConditions),
        ("upbound.io", "Bucket", None),
        ("pkg.crossplane.io", "ProviderRevision", custom_kinds.Silent),
        ("gcp.crossplane.io", "ProviderConfig", custom_kinds.Silent),
        ("argoproj.io", "Experiment", None),
        ("", "Secret", None),
    ],
)
def test_a_group_of_its_own_comes_before_an_ending(group: str, kind: str, known: type | None) -> None:
    found = custom_kinds.of(ids.ObjectKey(group, kind, "web", "one"))
    assert (found.__class__ if found else None) is known


def test_no_kind_has_two_rules() -> None:
    assert not set(custom_kinds.RULES) & set(kinds.KINDS)
    lines = [(group, kind) for group, names, _ in custom_kinds._TABLE for kind in names]
    assert len(lines) == len(set(lines))


def test_every_health_word_is_explained() -> None:
    assert set(kinds.HEALTH) == {kind.health for kind in kinds.KINDS.values()}
