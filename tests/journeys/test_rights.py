"""Rights: told before the first write, granted by what is pasted, and enough in single namespaces."""

import json
import pathlib
from typing import Any

import pytest
import yaml

from tests.clusterkit import access
from tests.support import site

pytestmark = pytest.mark.cluster

RECORDS = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch"]}
"""What the target records need, and nothing else."""


@pytest.fixture
def weak(control_plane: access.ClusterAccess, tmp_path: pathlib.Path, namespace: str) -> site.Site:
    """A daemon that may keep its target records, and nothing else; one Deployment is wanted."""
    made = site.Site(tmp_path, control_plane, namespace)
    made.settings["clusters"]["test"]["kubeconfig"] = str(
        control_plane.user_with_rules("weak", [RECORDS], namespace=namespace)
    )
    made.configure()
    made.application("web", [site.deployment(replicas=1)])
    return made


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
    assert found["because"] == f"as {user}: no {verbs} of deployments.apps; list, watch of pods, replicasets.apps"

    shown = weak.command("doctor").stdout
    pasted = shown[shown.index("# kubectl apply -f -") :]
    for granted in yaml.safe_load(pasted)["items"]:
        weak.cluster.apply(granted, manager="kubectl")
    assert missing(weak) == {}
    assert weak.command("plan").returncode == 2, "there is something to do, and nothing in the way"
