"""The chart as each of the three environments uses it: complete, consistent, hardened, taken by an API server."""

import pathlib
from typing import Any

import helm_python
import pytest

from reconciler import yamltext
from reconciler.edges import settings_files
from reconciler.settings import application, loading
from tests.clusterkit import access

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "charts" / "paperless-maverick"
ENVIRONMENTS = ("development", "staging", "production")
KUBE_VERSION = "v1.36.3"

Json = dict[str, Any]

# Where the API server takes each kind.
COLLECTIONS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
}


def folder(environment: str) -> pathlib.Path:
    return ROOT / "desired-state" / environment / "paperless-maverick"


def environment_values(environment: str) -> Json:
    (document,) = yamltext.load_all((folder(environment) / "values.yaml").read_bytes(), "values.yaml")
    assert isinstance(document.value, dict)
    return document.value


def render(values: Json, *, namespace: str = "paperless") -> dict[tuple[str, str], Json]:
    """(kind, name) → object."""
    with helm_python.Chart.load(CHART) as chart:
        templates = chart.render(values, name="paperless-maverick", namespace=namespace)
    objects: dict[tuple[str, str], Json] = {}
    for path, text in templates.items():
        for document in yamltext.load_all(text, path):
            rendered: Any = document.value
            key = (rendered["kind"], rendered["metadata"]["name"])
            assert key not in objects
            objects[key] = rendered
    return objects


def deployments(objects: dict[tuple[str, str], Json]) -> list[Json]:
    return [rendered for (kind, _), rendered in objects.items() if kind == "Deployment"]


def selects(selector: Json, labels: Json) -> bool:
    return bool(selector) and selector.items() <= labels.items()


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def objects(environment: str) -> dict[tuple[str, str], Json]:
    return render(environment_values(environment), namespace=f"paperless-{environment}")


def test_lint_finds_nothing_to_correct(environment: str) -> None:
    report = helm_python.lint(CHART, environment_values(environment), strict=True, kube_version=KUBE_VERSION)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


def test_every_part_is_there(environment: str, objects: dict[tuple[str, str], Json]) -> None:
    name, worker = "paperless-maverick", "paperless-maverick-worker"
    everywhere = {("Deployment", worker), ("NetworkPolicy", worker)} | {
        (kind, name) for kind in COLLECTIONS if kind not in ("HorizontalPodAutoscaler", "PodDisruptionBudget")
    }
    bigger = {("HorizontalPodAutoscaler", name), ("PodDisruptionBudget", name)}
    assert set(objects) == everywhere | (set() if environment == "development" else bigger)
    assert {rendered["metadata"]["namespace"] for rendered in objects.values()} == {f"paperless-{environment}"}


@pytest.mark.parametrize(("name", "least"), [("development", 1), ("staging", 2), ("production", 3)])
def test_each_environment_has_its_size(name: str, least: int) -> None:
    objects = render(environment_values(name))
    web = objects["Deployment", "paperless-maverick"]["spec"]
    scaler = objects.get(("HorizontalPodAutoscaler", "paperless-maverick"))
    assert (scaler["spec"]["minReplicas"] if scaler else web["replicas"]) == least


def test_the_autoscaler_alone_owns_the_replicas(objects: dict[tuple[str, str], Json]) -> None:
    scaler = objects.get(("HorizontalPodAutoscaler", "paperless-maverick"))
    web = objects["Deployment", "paperless-maverick"]
    assert ("replicas" in web["spec"]) is (scaler is None)
    if scaler is not None:
        assert scaler["apiVersion"] == "autoscaling/v2"
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["apiVersion"], target["kind"], target["name"]) == ("apps/v1", "Deployment", "paperless-maverick")
        assert scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]


def test_a_budget_leaves_room_for_a_drain(objects: dict[tuple[str, str], Json]) -> None:
    budget = objects.get(("PodDisruptionBudget", "paperless-maverick"))
    if budget is not None:
        least = objects["HorizontalPodAutoscaler", "paperless-maverick"]["spec"]["minReplicas"]
        assert 0 < budget["spec"]["maxUnavailable"] < least


def test_selectors_meet_exactly_the_pods_they_mean(objects: dict[tuple[str, str], Json]) -> None:
    labels = {d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"] for d in deployments(objects)}
    web, worker = labels["paperless-maverick"], labels["paperless-maverick-worker"]
    for deployment in deployments(objects):
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert [name for name, pod in labels.items() if selects(selector, pod)] == [deployment["metadata"]["name"]]
    for kind, own in (("Service", web), ("PodDisruptionBudget", web), ("NetworkPolicy", web)):
        for (found, name), rendered in objects.items():
            if found == kind and name == "paperless-maverick":
                chosen = rendered["spec"].get("podSelector") or rendered["spec"]["selector"]
                chosen = chosen.get("matchLabels", chosen)
                assert selects(chosen, own)
                assert not selects(chosen, worker)
    assert selects(objects["NetworkPolicy", "paperless-maverick-worker"]["spec"]["podSelector"]["matchLabels"], worker)


def test_what_is_named_exists(objects: dict[tuple[str, str], Json]) -> None:
    service = objects["Service", "paperless-maverick"]["spec"]
    (web,) = objects["Deployment", "paperless-maverick"]["spec"]["template"]["spec"]["containers"]
    assert service["ports"][0]["targetPort"] in {port["name"] for port in web["ports"]}
    (rule,) = objects["Ingress", "paperless-maverick"]["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert ("Service", backend["name"]) in objects
    assert backend["port"]["name"] in {port["name"] for port in service["ports"]}
    for deployment in deployments(objects):
        pod = deployment["spec"]["template"]["spec"]
        assert ("ServiceAccount", pod["serviceAccountName"]) in objects
        config, secret = pod["containers"][0]["envFrom"]
        assert ("ConfigMap", config["configMapRef"]["name"]) in objects
        assert secret == {"secretRef": {"name": "paperless-maverick"}}  # exists already: the chart holds no secrets
        mounts = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in pod["volumes"]}


def test_every_container_is_confined_probed_and_measured(objects: dict[tuple[str, str], Json]) -> None:
    """The restricted Pod Security Standard, a read-only root, requests, a memory limit and a liveness probe."""
    for deployment in deployments(objects):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod.get("initContainers", []) + pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert "livenessProbe" in container
            assert not container["image"].endswith(":latest")
            assert ":" in container["image"]
    (web,) = objects["Deployment", "paperless-maverick"]["spec"]["template"]["spec"]["containers"]
    assert {"startupProbe", "readinessProbe"} <= web.keys()


def test_a_rollout_takes_no_capacity_away(objects: dict[tuple[str, str], Json]) -> None:
    for deployment in deployments(objects):
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    pod = objects["Deployment", "paperless-maverick"]["spec"]["template"]["spec"]
    drain = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert 0 < drain < pod["terminationGracePeriodSeconds"]


def test_kubernetes_gives_up_before_the_daemon_does(environment: str, objects: dict[tuple[str, str], Json]) -> None:
    """So that the failure carries the Deployment's own reason and not only that time ran out."""
    file = folder(environment) / application.FILE
    settings = loading.load(application.Application, file.read_bytes(), where=str(file))
    deadline = settings.verify.progress_deadline
    assert deadline is not None
    for deployment in deployments(objects):
        assert deployment["spec"]["progressDeadlineSeconds"] < deadline


def test_a_changed_setting_rolls_the_pods_and_a_new_tag_changes_nothing_else() -> None:
    values = environment_values("production")
    before = render(values)
    after = render({**values, "config": {"LOG_LEVEL": "warning"}})
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {
        ("ConfigMap", "paperless-maverick"),
        ("Deployment", "paperless-maverick"),
        ("Deployment", "paperless-maverick-worker"),
    }
    released = render({**values, "image": {"tag": "v1.0.1"}})
    assert {key for key in before if before[key] != released[key]} == changed - {("ConfigMap", "paperless-maverick")}


def test_a_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "0" * 64
    web = render({"image": {"tag": "v2", "digest": digest}})["Deployment", "paperless-maverick"]
    assert (
        web["spec"]["template"]["spec"]["containers"][0]["image"] == f"registry.example.com/paperless-maverick@{digest}"
    )


def test_the_optional_parts_can_be_left_out() -> None:
    objects = render(
        {
            "existingSecret": "",
            "serviceAccount": {"create": False, "name": "shared"},
            "ingress": {"enabled": False},
            "networkPolicy": {"enabled": False},
            "imagePullSecrets": ["registry"],
            "worker": {"replicas": 0, "probes": {"liveness": None}, "nodeSelector": {"disk": "fast"}},
            "web": {"drainSeconds": 0, "probes": {"startup": None}, "tolerations": [{"operator": "Exists"}]},
        }
    )
    assert {kind for kind, _ in objects} == {"ConfigMap", "Deployment", "Service"}
    for deployment in deployments(objects):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == "shared"
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert len(pod["containers"][0]["envFrom"]) == 1
    assert objects["Deployment", "paperless-maverick-worker"]["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"unknown": 1},
        {"web": {"replicaCount": 3}},
        {"web": {"replicas": "3"}},
        {"image": {"tag": 1.1}},
        {"image": {"tag": "latest"}},
        {"image": {"digest": "sha256:short"}},
        {"podSecurityContext": {"runAsNonRoot": False}},
        {"podSecurityContext": {"runAsUser": 0}},
        {"securityContext": {"privileged": True}},
        {"networkPolicy": {"fromNamespaces": []}},
        {"web": {"probes": {"readiness": None}}},
        {"ingress": {"host": "https://example.com/"}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_cannot_be_meant(values: Json) -> None:
    with pytest.raises(helm_python.HelmError):
        render(values)


def test_the_shipped_settings_pass_the_check() -> None:
    report = settings_files.check(ROOT / "config", desired_state=ROOT / "desired-state")
    assert report.problems == ()
    assert (report.environments, report.applications) == (len(ENVIRONMENTS), len(ENVIRONMENTS))


@pytest.mark.cluster
def test_the_api_server_takes_every_object(
    control_plane: access.ClusterAccess, namespace: str, environment: str
) -> None:
    """Strictly: an unknown or repeated field would be an error."""
    for (kind, name), rendered in render(environment_values(environment), namespace=namespace).items():
        path = f"{COLLECTIONS[kind].format(namespace)}/{name}"
        query = "fieldManager=test&fieldValidation=Strict&dryRun=All"
        reply = control_plane.request("PATCH", f"{path}?{query}", rendered, content_type=access.APPLY)
        assert reply.status in (200, 201), f"{kind} {name}: {reply.body}"
        assert "Warning" not in reply.headers, f"{kind} {name}: {reply.headers['Warning']}"
