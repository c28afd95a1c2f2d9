"""What `doctor` says of rights, and what it gives to paste."""

import pytest
import yaml

from reconciler.app.commands import granting
from reconciler.model import ids, rights
from reconciler.settings import impersonation

ACCOUNT = "system:serviceaccount:tools:reconciler"
DEPLOYMENT, SECRET = ids.KindKey("apps", "Deployment"), ids.KindKey("", "Secret")
POD, CRD = ids.KindKey("", "Pod"), ids.KindKey("apiextensions.k8s.io", "CustomResourceDefinition")


def answer(
    kind: ids.KindKey, plural: str, *missing: str, namespace: str = "web", verbs: tuple[str, ...] = rights.VERBS
) -> rights.Answer:
    return rights.Answer(rights.Need(kind, namespace, verbs), plural, missing)


FOUND = rights.Rights(
    ACCOUNT,
    (
        answer(DEPLOYMENT, "deployments", "create", "patch"),
        answer(SECRET, "secrets", *rights.VERBS),
        answer(POD, "pods", verbs=("list", "watch")),
        answer(SECRET, "secrets", namespace="shop"),
        answer(CRD, "customresourcedefinitions", "get", namespace=""),
        answer(ids.KindKey("example.com", "Widget"), ""),
    ),
)


def test_one_finding_a_namespace_and_each_missing_right_in_it() -> None:
    everywhere, shop, web, unserved = granting.findings("production", FOUND)
    assert (everywhere.subject, everywhere.ok) == ("production in the whole cluster", False)
    assert (shop.subject, shop.ok, shop.remedy) == ("production in shop", True, "")
    assert shop.because == f"as {ACCOUNT}: get, list, watch, create, patch, delete of secrets"
    assert web.because == (
        f"as {ACCOUNT}: no create, patch of deployments.apps; get, list, watch, create, patch, delete of secrets"
    )
    assert unserved.ok is None
    assert "Widget.example.com" in unserved.because


def test_what_is_to_be_pasted_holds_every_rule_of_the_namespace_and_survives_its_indentation() -> None:
    _, _, web, _ = granting.findings("production", FOUND)
    shown = "\n".join(f"  {line}" for line in web.remedy.splitlines())
    role, binding = yaml.safe_load(shown)["items"]
    assert (role["kind"], role["metadata"]) == ("Role", {"name": "reconciler-production", "namespace": "web"})
    assert role["rules"] == [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": list(rights.VERBS)},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": list(rights.VERBS)},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    ]
    assert binding["roleRef"]["name"] == "reconciler-production"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "reconciler", "namespace": "tools"}]
    assert max(map(len, web.remedy.splitlines())) < 78, "no terminal breaks it"


@pytest.mark.parametrize(
    ("whom", "namespace", "rules"),
    [
        ({"serviceAccount": "web/deployer"}, "web", [("serviceaccounts", ["deployer"])]),
        ({"user": "robot", "groups": ["robots", "all"]}, "", [("users", ["robot"]), ("groups", ["robots", "all"])]),
    ],
)
def test_to_act_as_somebody_is_to_be_exactly_him(
    whom: dict[str, object], namespace: str, rules: list[tuple[str, list[str]]]
) -> None:
    acts = impersonation.Impersonate.model_validate(whom)
    granted, binding = yaml.safe_load(granting.acting("production", acts, ACCOUNT))["items"]
    assert granted["metadata"].get("namespace", "") == namespace
    assert [(rule["resources"][0], rule["resourceNames"]) for rule in granted["rules"]] == rules
    assert {verb for rule in granted["rules"] for verb in rule["verbs"]} == {"impersonate"}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "reconciler", "namespace": "tools"}]


@pytest.mark.parametrize(
    ("user", "kind", "subject"),
    [
        (ACCOUNT, "ClusterRole", {"kind": "ServiceAccount", "name": "reconciler", "namespace": "tools"}),
        ("alice", "ClusterRole", {"apiGroup": granting.GROUP, "kind": "User", "name": "alice"}),
    ],
)
def test_cluster_scoped_kinds_need_a_cluster_role(user: str, kind: str, subject: dict[str, str]) -> None:
    pasted = granting.role("production", "", user, answers=[answer(CRD, "customresourcedefinitions", namespace="")])
    role, binding = yaml.safe_load(pasted)["items"]
    assert (role["kind"], binding["kind"], binding["subjects"]) == (kind, f"{kind}Binding", [subject])
    assert "namespace" not in role["metadata"]
