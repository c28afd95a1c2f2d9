"""Rights: told before the first write, granted by what is pasted, and enough in single namespaces."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from reconciler.model import outcomes, rights
from tests.clusterkit import access
from tests.support import audit, site

pytestmark = pytest.mark.cluster

RECORDS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch"]}
"""What the target records need, and nothing else."""


@pytest.fixture
def weak(control_plane: access.ClusterAccess, tmp_path: pathlib.Path, namespace: str) -> Iterator[site.Site]:
    """A daemon that may keep its target records, and nothing else; one Deployment is wanted."""
    made = site.Site(tmp_path, control_plane, namespace)
    made.settings["clusters"]["test"]["kubeconfig"] = str(
        control_plane.user_with_rules("weak", [RECORDS], namespace=namespace)
    )
    made.configure()
    made.application("web", [site.deployment(replicas=1)])
    yield made
    made.close()


def missing(where: site.Site) -> dict[str, dict[str, Any]]:
    """Subject → finding, of rights that `doctor` misses."""
    found = json.loads(where.command("doctor", "-o", "json").stdout)["findings"]
    return {one["subject"]: one for one in found if one["group"] == "rights" and one["ok"] is not True}


def test_doctor_names_each_missing_right_before_the_first_write_and_prints_what_grants_it(weak: site.Site) -> None:
    weak.commit("a Deployment that nobody may write")
    subject = f"production in {weak.namespace}"
    lacking = missing(weak)
    assert list(lacking) == [subject]
    found = lacking[subject]
    user = f"system:serviceaccount:{weak.namespace}:weak"
    verbs = "get, list, watch, create, patch, delete"
    assert found["because"] == f"as {user}: no list, watch of pods, replicasets.apps; {verbs} of deployments.apps"

    grant(weak)
    assert missing(weak) == {}
    assert weak.command("plan").returncode == 2, "there is something to do, and nothing in the way"


def grant(where: site.Site) -> None:
    """Paste what `doctor` prints, as a person would."""
    shown = where.command("doctor").stdout
    for granted in yaml.safe_load(shown[shown.index("# kubectl apply -f -") :])["items"]:
        where.cluster.apply(granted, manager="kubectl")


def test_rights_that_are_taken_away_hold_by_name_and_given_back_it_goes_on_by_itself(weak: site.Site) -> None:
    first = weak.commit("v1")
    grant(weak)
    weak.start()
    weak.wait_good(first)
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{weak.namespace}/roles/reconciler-production"
    rules = (weak.cluster.get(role) or {})["rules"]
    may_only_look = [rule | {"verbs": ["get", "list", "watch"]} for rule in rules]
    weak.cluster.patch(role, {"rules": may_only_look})
    weak.cluster.wait_for(lambda: not may_patch(weak), site.PATIENCE, what="the API server knowing it")
    weak.application("web", [site.deployment(replicas=1, image="registry.example/web:v2")])
    second = weak.commit("v2")
    held = weak.wait_hold(outcomes.HoldReason.RIGHTS_MISSING)
    for word in (f"system:serviceaccount:{weak.namespace}:weak", "cannot patch", "deployments", weak.namespace):
        assert word in held.because
    assert weak.image() == "registry.example/web:v1"
    assert weak.ledger().quarantined == (), "no fault of the release"
    weak.cluster.patch(role, {"rules": rules})
    weak.wait_good(second)
    assert weak.image() == "registry.example/web:v2"


def may_patch(where: site.Site) -> bool:
    """Whether the account `weak` may patch Deployments, by the API server's own word."""
    asked = {"namespace": where.namespace, "verb": "patch", "group": "apps", "resource": "deployments"}
    user = f"system:serviceaccount:{where.namespace}:weak"
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {"user": user, "resourceAttributes": asked},
    }
    return bool(where.cluster.create(review)["status"]["allowed"])


@pytest.fixture
def acting(control_plane: access.ClusterAccess, tmp_path: pathlib.Path, namespace: str) -> Iterator[site.Site]:
    """A daemon that may keep its records, and an environment that acts as an account which may write ConfigMaps."""
    made = site.Site(tmp_path, control_plane, namespace)
    own = control_plane.user_with_rules("daemon", [RECORDS], namespace=namespace)
    maps = {"apiGroups": [""], "resources": ["configmaps"], "verbs": list(rights.VERBS)}
    control_plane.user_with_rules("deployer", [maps], namespace=namespace)
    made.settings["clusters"]["test"]["kubeconfig"] = str(own)
    made.settings["environments"][site.ENVIRONMENT]["impersonate"] = {"serviceAccount": f"{namespace}/deployer"}
    made.configure()
    made.application("web", [site.config_map("settings", a="1")])
    yield made
    made.close()


def test_an_environment_is_confined_by_the_api_server_to_the_rights_of_whom_it_acts_as(acting: site.Site) -> None:
    """I18: whatever Git says, and whatever the daemon itself may do."""
    first = acting.commit("a ConfigMap")
    refused = missing(acting)["production"]
    assert refused["ok"] is False
    assert "cannot impersonate" in refused["because"]
    grant(acting)
    assert missing(acting) == {}
    begin = acting.cluster.audit_mark()
    acting.start()
    acting.wait_good(first)

    daemon, deployer = (f"system:serviceaccount:{acting.namespace}:{name}" for name in ("daemon", "deployer"))
    written = acting.counted_calls(after=begin)
    assert [line["objectRef"]["name"] for line in written] == ["settings"]
    assert {line["user"]["username"] for line in written} == {daemon}
    assert {line["impersonatedUser"]["username"] for line in written} == {deployer}
    dry_runs = acting.calls(audit.Call.DRY_RUN, after=begin)
    assert {line["impersonatedUser"]["username"] for line in dry_runs} == {deployer}
    kept = acting.wait(lambda: acting.calls(audit.Call.RECORD, after=begin), what="the target record")
    assert not [line for line in kept if "impersonatedUser" in line], "records are the daemon's own"

    # The daemon itself may write Secrets. The account may not, and that is what counts.
    secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": list(rights.VERBS)}
    acting.cluster.grant("own", [secrets], to="daemon", namespace=acting.namespace)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "greedy"}, "stringData": {"a": "b"}}
    acting.application("greedy", [secret])
    second = acting.commit("a Secret")
    held = acting.wait_hold(outcomes.HoldReason.RIGHTS_MISSING, "greedy")
    for word in (f'User "{deployer}" cannot', 'resource "secrets"', acting.namespace):
        assert word in held.because
    assert acting.live("secrets", "greedy", group="v1") is None
    assert f"as {deployer}: no " in missing(acting)[f"production in {acting.namespace}"]["because"]
    acting.cluster.grant("more", [secrets], to="deployer", namespace=acting.namespace)
    acting.wait_good(second, "greedy")
