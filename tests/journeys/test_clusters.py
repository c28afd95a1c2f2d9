"""Several clusters: each environment is carried out in its own, and what is away holds only what belongs there."""

import pathlib
from collections.abc import Callable, Iterator

import pytest

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
