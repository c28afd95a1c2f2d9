"""Custom resources: their definitions are installed by the test, which also writes each
status, as their controllers would."""

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.model import outcomes, records
from tests.clusterkit import access, controlplane
from tests.support import site

Doc = dict[str, Any]
SEALED, EXTERNAL = ("bitnami.com/v1", "SealedSecret"), ("external-secrets.io/v1", "ExternalSecret")
DATABASE = ("health.example.com/v1", "Database")
CHECK = {
    "kind": "Database.health.example.com",
    "inProgress": "status.phase == 'Creating'",
    "failed": "status.phase == 'Failed'",
    "current": "status.phase == 'Running' && status.replicas == spec.replicas",
}


def definition(api_version: str, kind: str) -> Doc:
    group, _, version = api_version.partition("/")
    plural = access.plural(kind)
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [
                {"name": version, "served": True, "storage": True, "subresources": {"status": {}}, "schema": schema}
            ],
        },
    }


def made(kind: tuple[str, str], name: str, **spec: Any) -> Doc:
    return {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": name}, "spec": spec}


class Controllers:
    """What reads these objects in a real cluster."""

    def __init__(self, a_site: site.Site) -> None:
        self.site = a_site
        self._installed: list[tuple[str, str]] = []

    def install(self, *kinds: tuple[str, str]) -> None:
        """Their definitions; returns when they are served."""
        for kind in kinds:
            self.site.cluster.apply(definition(*kind))
            self._installed.append(kind)
            self.site.cluster.wait_for(functools.partial(self._served, *kind), what=f"{kind[1]} being served")

    def leave(self) -> None:
        """As if nothing of them had ever been there: other tests share the cluster."""
        for kind in self._installed:
            name = definition(*kind)["metadata"]["name"]
            path = access.path_of("apiextensions.k8s.io/v1", "CustomResourceDefinition", name=name)
            self.site.cluster.delete(path)
            gone = functools.partial(self._gone, path)
            self.site.cluster.wait_for(gone, site.PATIENCE, what=f"the end of {name}")

    def says(self, kind: tuple[str, str], name: str, *, generation: int, **status: Any) -> None:
        """Wait until the object is of that generation, then write its status."""
        path = access.path_of(*kind, namespace=self.site.namespace, name=name)

        def arrived() -> bool:
            found = self.site.cluster.get(path)
            return found is not None and found["metadata"]["generation"] == generation

        self.site.wait(arrived, what=f"{kind[1]} {name} of generation {generation}")
        written = {"status": {"observedGeneration": generation, **status}}
        self.site.cluster.patch(f"{path}/status", written, manager="controller")

    def synced(self, name: str, *, generation: int, **condition: str) -> None:
        conditions = [{"type": "Synced", "status": "True", "reason": "", "message": "", **condition}]
        self.says(SEALED, name, generation=generation, conditions=conditions)

    def _gone(self, path: str) -> bool:
        return self.site.cluster.get(path) is None

    def _served(self, api_version: str, kind: str) -> bool:
        path = access.path_of(api_version, kind, namespace=self.site.namespace)
        return self.site.cluster.request("GET", path).status == 200


@pytest.fixture
def controllers(a_site: site.Site) -> Iterator[Controllers]:
    made = Controllers(a_site)
    yield made
    a_site.close()
    made.leave()


def wait_said(a_site: site.Site, words: str, application: str = "web") -> records.Ledger:
    return a_site.wait_ledger(lambda found: words in found.because, what=f"saying {words!r}", application=application)


def test_a_health_check_decides_and_what_it_cannot_tell_never_passes(
    a_site: site.Site, controllers: Controllers
) -> None:
    controllers.install(DATABASE)
    hasty = {"progressDeadline": "4s"}  # half of it is waited for a first status
    a_site.application("web", [made(DATABASE, "db", replicas=2)], verify={"healthChecks": [CHECK]})
    a_site.application("silent", [made(DATABASE, "quiet", replicas=1)], verify=hasty)
    a_site.application("after", [site.config_map("after", a="1")], dependsOn=["silent"])
    first = a_site.commit("a database with a check, and one that says nothing")
    a_site.start()

    wait_said(a_site, "has no status yet, and its health check needs one")
    controllers.says(DATABASE, "db", generation=1, phase="Creating")
    wait_said(a_site, "Database db: is in progress, says its health check")
    controllers.says(DATABASE, "db", generation=1, phase="Running", replicas=1)
    wait_said(a_site, "Database db: is not current yet, says its health check")
    controllers.says(DATABASE, "db", generation=1, phase="Running", replicas=2)
    a_site.wait_good(first)

    # A kind that says nothing is not among the healthy, and holds nothing up for ever.
    a_site.wait_good(first, "silent")
    assert (
        "Database quiet: exists; it has no status: nothing here tells"
        in a_site.events(records.EventKind.ROLLED_OUT, "silent")[-1]
    )

    a_site.wait_good(first, "after")  # nor those that depend on it

    # What cannot be told is neither healthy nor the release's failure.
    a_site.application(
        "web", [made(DATABASE, "db", replicas=3)], verify={"healthChecks": [CHECK | {"failed": "status.broken"}]}
    )
    unknown = a_site.commit("a check that asks for a field that is not there")
    controllers.says(DATABASE, "db", generation=2, phase="Running", replicas=3)
    ledger = wait_said(a_site, "its health check says nothing")
    place = "desired-state/production/web/application.yaml:"
    assert place in ledger.because
    assert 'verify.healthChecks[0].failed: NOT_FOUND: Key not found in map : "broken"' in ledger.because
    assert ledger.last_good is not None
    assert ledger.last_good.revision == first

    a_site.application("web", [made(DATABASE, "db", replicas=3)], verify={"healthChecks": [CHECK]})
    mended = a_site.commit("a check that can be answered")
    a_site.wait_good(mended)
    assert unknown != mended

    a_site.application("web", [made(DATABASE, "db", replicas=4)], verify={"healthChecks": [CHECK]})
    a_site.commit("a database that fails")
    controllers.says(DATABASE, "db", generation=3, phase="Failed")
    a_site.wait(lambda: a_site.events(records.EventKind.ROLLOUT_FAILED), what="the failure")
    assert "Database db: has failed, says its health check" in a_site.events(records.EventKind.ROLLOUT_FAILED)[-1]
    controllers.says(DATABASE, "db", generation=4, phase="Running", replicas=3)
    a_site.wait(lambda: a_site.events(records.EventKind.REVERTED), what="the way back")

    a_site.pull()
    a_site.application(
        "web", [made(DATABASE, "db", replicas=3)], verify={"healthChecks": [CHECK | {"current": "status.phase =="}]}
    )
    a_site.commit("a check that is none")
    hold = a_site.wait_hold(outcomes.HoldReason.SETTINGS_INVALID)
    assert f"{place}" in hold.because
    assert "verify.healthChecks[0].current: is no CEL expression: line 1, column" in hold.because


@pytest.mark.only_kubernetes("rights are withheld")
def test_a_kind_that_may_not_be_watched_is_named(
    a_site: site.Site, controllers: Controllers, control_plane: controlplane.ControlPlane
) -> None:
    """It can be written, and what becomes of it cannot be seen: that is unknown, and never a success."""
    controllers.install(DATABASE)
    most = {"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["*"]}
    databases = {"apiGroups": ["health.example.com"], "resources": ["databases"], "verbs": ["get", "create", "patch"]}
    weak = control_plane.user_with_rules("weak", [most, databases], namespace=a_site.namespace)
    a_site.settings["clusters"]["test"]["kubeconfig"] = str(weak)
    a_site.configure()
    a_site.application("web", [made(DATABASE, "db", replicas=2)])
    a_site.commit("a database that nobody lets us watch")
    a_site.start()
    hold = a_site.wait_hold(outcomes.HoldReason.RIGHTS_MISSING)
    for word in ("forbidden", "weak", "databases", a_site.namespace):
        assert word in hold.because
    assert a_site.ledger().last_good is None


def test_sealed_and_external_secrets_pass_when_their_controllers_say_so(
    a_site: site.Site, controllers: Controllers
) -> None:
    """docs/how-to/secrets.md: they are objects like others, and what their controllers make is not ours."""
    controllers.install(SEALED, EXTERNAL)
    sealed = made(SEALED, "db", encryptedData={"password": "AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq"})
    external = made(EXTERNAL, "api", secretStoreRef={"name": "vault"}, target={"name": "made"})
    a_site.application("web", [sealed, external])
    first = a_site.commit("a sealed and an external secret")
    a_site.start()

    wait_said(a_site, "SealedSecret db: has no condition Synced yet")
    controllers.synced("db", generation=1)
    broken = {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": "vault is sealed"}
    controllers.says(EXTERNAL, "api", generation=1, conditions=[broken])
    hold = a_site.wait_hold(outcomes.HoldReason.WORLD)
    assert "ExternalSecret api: its condition Ready is False (SecretSyncedError: vault is sealed)" in hold.because
    controllers.says(EXTERNAL, "api", generation=1, conditions=[broken | {"status": "True", "reason": "SecretSynced"}])
    a_site.wait_good(first)

    live = a_site.live("sealedsecrets", "db", group="bitnami.com/v1")
    assert live
    owner = {"apiVersion": SEALED[0], "kind": SEALED[1], "name": "db", "uid": live["metadata"]["uid"]}
    metadata = {"name": "db", "namespace": a_site.namespace, "ownerReferences": [owner | {"controller": True}]}
    a_site.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": "eA=="}})

    resealed = made(SEALED, "db", encryptedData={"password": "sealed for another cluster"})
    a_site.application("web", [resealed, external])
    a_site.commit("sealed for another cluster")
    controllers.synced("db", generation=2, status="False", message="no key could decrypt secret (password)")
    a_site.wait(lambda: a_site.events(records.EventKind.ROLLOUT_FAILED), what="the failure")
    because = a_site.events(records.EventKind.ROLLOUT_FAILED)[-1]
    assert "SealedSecret db: its condition Synced is False (no key could decrypt secret (password))" in because
    controllers.synced("db", generation=3)
    a_site.wait(lambda: a_site.events(records.EventKind.REVERTED), what="the way back")
    found = a_site.live("sealedsecrets", "db", group="bitnami.com/v1")
    assert found
    assert found["spec"] == sealed["spec"]
    secret = a_site.live("secrets", "db", group="v1")
    assert secret
    assert secret["data"] == {"password": "eA=="}
    assert "reconciler" not in str(secret["metadata"].get("annotations"))
