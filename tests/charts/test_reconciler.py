"""The chart that installs the daemon: hardened, with no right too many, and settings that the daemon takes."""

import pathlib
from typing import Any

import helm_python
import pytest

from reconciler.app import opening
from tests.clusterkit import access
from tests.support import own_chart

KUBE_VERSION = "v1.36.3"
NAMESPACE, SETTINGS = own_chart.NAMESPACE, own_chart.SETTINGS
render, rules = own_chart.render, own_chart.rules

Json = dict[str, Any]
ALL: Json = {
    "settings": SETTINGS,
    "secrets": ["git"],
    "rights": {
        "namespaces": ["web", "shop"],
        "clusterWide": True,
        "clusterKinds": [{"apiGroups": [""], "resources": ["namespaces"]}],
        "impersonate": {
            "serviceAccounts": [{"namespace": "team", "name": "deployer"}],
            "users": ["robot"],
            "groups": ["robots"],
        },
    },
    "serviceMonitor": {"enabled": True},
}


@pytest.mark.parametrize("values", [{"settings": SETTINGS}, ALL], ids=["least", "all"])
def test_lint_finds_nothing_to_correct(values: Json) -> None:
    report = helm_python.lint(own_chart.CHART, values, strict=True, kube_version=KUBE_VERSION)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


def test_the_daemon_takes_its_settings_from_it(tmp_path: pathlib.Path) -> None:
    found = render(ALL)["ConfigMap", NAMESPACE, "reconciler"]["data"]
    for name, text in found.items():
        (tmp_path / name).write_text(text)
    its = opening.settings(tmp_path)
    assert its.clusters["here"].namespace == NAMESPACE, "target records lie where the release may write them"
    assert its.metrics.address == "0.0.0.0:9090"


def test_no_right_is_a_wildcard_and_no_secret_can_be_read_in_all_namespaces() -> None:
    objects = render(ALL)
    for rule in rules(objects, "Role") + rules(objects, "ClusterRole"):
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        assert not {"escalate", "bind", "deletecollection", "update"} & set(rule["verbs"])
    assert not [rule for rule in rules(objects, "ClusterRole") if "secrets" in rule["resources"]]


def test_without_a_word_about_rights_it_may_only_keep_its_records() -> None:
    objects = render({"settings": SETTINGS})
    assert rules(objects, "ClusterRole") == []
    assert rules(objects, "Role") == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch"]}
    ]


def test_it_may_be_exactly_the_account_that_is_named() -> None:
    objects = render(ALL)
    assert objects["Role", "team", "reconciler-as-deployer"]["rules"] == [
        {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["deployer"], "verbs": ["impersonate"]}
    ]
    beyond = objects["ClusterRole", "", f"{NAMESPACE}-reconciler"]["rules"]
    assert [rule["resourceNames"] for rule in beyond if rule["verbs"] == ["impersonate"]] == [["robot"], ["robots"]]


@pytest.mark.parametrize("kind", ["Role", "ClusterRole"])
def test_every_role_is_bound_to_the_account_and_to_nobody_else(kind: str) -> None:
    objects = render(ALL)
    account = {"kind": "ServiceAccount", "name": "reconciler", "namespace": NAMESPACE}
    roles = [key for key in objects if key[0] == kind]
    for _, namespace, name in roles:
        binding = objects[f"{kind}Binding", namespace, name]
        assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        assert binding["subjects"] == [account]
    assert len(roles) == len([key for key in objects if key[0] == f"{kind}Binding"])


def test_the_pod_is_nobody_on_a_read_only_tree() -> None:
    pod = render(ALL)["Deployment", NAMESPACE, "reconciler"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert {path for path, mount in mounts.items() if not mount.get("readOnly")} == {"/var/lib/reconciler", "/tmp"}
    assert {mount["name"] for mount in mounts.values()} == {volume["name"] for volume in pod["volumes"]}


def test_two_never_share_the_journal() -> None:
    spec = render(ALL)["Deployment", NAMESPACE, "reconciler"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"image": {"tag": "latest"}}, "/image/tag"),
        ({"rights": {"kinds": [{"apiGroups": [""], "resources": ["*"]}]}}, "/rights/kinds/0/resources/0"),
        ({"rights": {"kinds": [{"apiGroups": [""], "resources": ["secrets"]}]}}, "/rights/kinds/0/resources/0"),
        ({"rights": {"impersonate": {"groups": ["system:masters"]}}}, "/rights/impersonate/groups/0"),
        ({"rights": {"namespace": ["web"]}}, "namespace"),
    ],
)
def test_values_that_would_loosen_it_are_refused_by_name(values: Json, says: str) -> None:
    with pytest.raises(helm_python.HelmError) as raised:
        render({"settings": SETTINGS} | values)
    assert says in str(raised.value)


@pytest.mark.cluster
def test_an_api_server_takes_every_object(control_plane: access.ClusterAccess, namespace: str) -> None:
    values = ALL | {"serviceMonitor": {"enabled": False}}  # its kind is not served here
    values["rights"] = ALL["rights"] | {
        "namespaces": [namespace],
        "impersonate": {"serviceAccounts": [{"namespace": namespace, "name": "deployer"}]},
    }
    for rendered in render(values, namespace=namespace).values():
        reply = control_plane.request(
            "PATCH",
            access.path_of_manifest(rendered) + "?fieldManager=test&dryRun=All&fieldValidation=Strict",
            rendered,
            content_type=access.APPLY,
        )
        assert reply.status in (200, 201), reply.body
