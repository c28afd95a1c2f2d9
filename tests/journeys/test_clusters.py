"""Several clusters: each environment is carried out in its own, and what is away holds only what belongs there."""

import pathlib
from collections.abc import Callable, Iterator

import pytest
import yaml

from reconciler.model import outcomes
from tests import conftest
from tests.clusterkit import access, controlplane
from tests.support import site

pytestmark = pytest.mark.cluster

NAMESPACE = "web"
HERE, THERE = "production/web", "staging/web"
Held = outcomes.HoldReason


@pytest.fixture
def there(start_control_plane: conftest.StartControlPlane) -> controlplane.ControlPlane:
    """Another cluster, which the test may take away."""
    plane = start_control_plane(controllers=False)
    plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    return plane


@pytest.fixture
def both(
    control_plane: access.ClusterAccess, there: controlplane.ControlPlane, tmp_path: pathlib.Path, namespace: str
) -> Iterator[site.Site]:
    """Production on this worker's cluster, staging on the other one."""
    made = site.Site(tmp_path, control_plane, namespace)
    made.settings["clusters"]["other"] = there.how_to_reach
    production = made.settings["environments"][site.ENVIRONMENT]
    made.settings["environments"]["staging"] = production | {"cluster": "other", "namespaces": [NAMESPACE]}
    made.configure()
    made.write("desired-state/staging/environment.yaml", "apiVersion: reconciler.dev/v1\nkind: Environment\n")
    yield made
    made.close()


def release(where: site.Site, version: str) -> str:
    """One commit for both environments."""
    manifests = [site.config_map("settings", version=version)]
    where.application("web", manifests)
    where.application("web", manifests, environment="staging", namespace=NAMESPACE)
    return where.commit(version)


def settings_in(cluster: access.Client, namespace: str) -> Callable[[], str]:
    """The version that a cluster has; '' while it has none."""
    path = access.path_of("v1", "ConfigMap", namespace=namespace, name="settings")
    return lambda: str((cluster.get(path) or {"data": {}})["data"].get("version", ""))


def test_a_cluster_that_is_down_holds_only_its_own_targets(both: site.Site, there: controlplane.ControlPlane) -> None:
    mine, theirs = settings_in(both.cluster, both.namespace), settings_in(there, NAMESPACE)
    first = release(both, "v1")
    both.start()
    for target in (HERE, THERE):
        both.wait_good(first, target)
    assert (mine(), theirs()) == ("v1", "v1")

    there.stop_api_server()
    second = release(both, "v2")
    both.wait_good(second, HERE)
    assert mine() == "v2"
    held = both.wait_hold(Held.CLUSTER_UNAVAILABLE, THERE)
    for word in ("cluster other", there.server, "cannot be reached"):
        assert word in held.because
    shown = both.command("status").stdout
    assert "cluster-unavailable" in shown
    doctor = both.command("doctor")
    assert doctor.returncode != 0
    assert "✗ cluster other: API server" in doctor.stdout
    assert "✓ cluster test: API server" in doctor.stdout

    # Drift here is healed while the other cluster is away, also by a daemon that starts meanwhile.
    both.kill()
    both.cluster.patch(
        access.path_of("v1", "ConfigMap", namespace=both.namespace, name="settings"), {"data": {"version": "edited"}}
    )
    both.start()
    both.wait(lambda: mine() == "v2", what="drift being healed")

    there.start_api_server()
    both.wait_good(second, THERE)
    assert theirs() == "v2"
    assert both.stop() == 0


def test_a_cluster_whose_kubeconfig_is_unusable_does_not_keep_the_others_from_starting(
    control_plane: access.ClusterAccess, tmp_path: pathlib.Path, namespace: str
) -> None:
    made = site.Site(tmp_path, control_plane, namespace)
    made.settings["clusters"]["other"] = {"kubeconfig": str(tmp_path / "nowhere")}
    production = made.settings["environments"][site.ENVIRONMENT]
    made.settings["environments"]["staging"] = production | {"cluster": "other"}
    made.configure()
    made.write("desired-state/staging/environment.yaml", "apiVersion: reconciler.dev/v1\nkind: Environment\n")
    made.application("web", [site.config_map("settings", version="v1")], environment="staging")
    made.application("web", [site.config_map("settings", version="v1")])
    first = made.commit("v1")
    made.start()
    try:
        made.wait_good(first, HERE)
        held = made.wait_hold(Held.CLUSTER_UNAVAILABLE, THERE)
        for word in ("cluster other", "nowhere", "No such file"):
            assert word in held.because
        (tmp_path / "nowhere").write_text(control_plane.kubeconfig.read_text())
        # Both environments want the same object of the same cluster now: that it says so shows that it is reached.
        made.wait_hold(Held.OTHER_OWNER, THERE)
    finally:
        made.close()


def test_a_token_that_is_replaced_and_revoked_fails_no_pass(
    control_plane: access.ClusterAccess, tmp_path: pathlib.Path, namespace: str
) -> None:
    """With the service account tokens of a real API server."""
    everything = [{"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["*"]}]
    path = control_plane.user_with_rules("rotating", everything, namespace=namespace)

    def token(name: str) -> str:
        """One that ends with the Secret of this name."""
        metadata = {"name": name, "namespace": namespace}
        secret = control_plane.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})
        bound = {"kind": "Secret", "apiVersion": "v1", "name": name, "uid": secret["metadata"]["uid"]}
        return control_plane.token_of("rotating", namespace=namespace, bound_to=bound)

    made = site.Site(tmp_path, control_plane, namespace)
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}
    mine = tmp_path / "kubeconfig"
    mine.write_text(yaml.safe_dump(config))
    made.settings["clusters"]["test"]["kubeconfig"] = str(mine)
    made.configure()
    old = token("first")
    (tmp_path / "token").write_text(old)
    made.application("web", [site.config_map("settings", version="v1")])
    first = made.commit("v1")
    made.start()
    try:
        made.wait_good(first)
        (tmp_path / "token").write_text(token("second"))
        control_plane.delete(access.path_of("v1", "Secret", namespace=namespace, name="first"))
        revoked = {"Authorization": f"Bearer {old}"}
        control_plane.wait_for(
            lambda: control_plane.request("GET", "/api", headers=revoked).status == 401,
            site.PATIENCE,
            what="the old token being refused",
        )
        made.application("web", [site.config_map("settings", version="v2"), site.deployment(replicas=1)])
        second = made.commit("v2, with watches that begin now")
        made.wait_good(second)
        assert made.rows("SELECT because FROM events WHERE kind = 'held'") == []
    finally:
        made.close()
