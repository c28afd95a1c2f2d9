"""One daemon, one real API server, and everything that goes wrong between them, one thing after the other.

Each test begins and ends with the daemon at rest. What it must never do, whatever the day brings, is asked after all of
them: revert a release for an outage, repeat what arrived, write without an intent.
"""

import base64
import pathlib
import socket
from collections.abc import Iterator

import pytest

from reconciler.model import records
from tests import conftest
from tests.clusterkit import access, controlplane
from tests.support import endings, endstate, proxy, site, tls

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("hostile")]  # one set-up, and the order of the file

DAEMON = "daemon"
ALL = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
RBAC = "rbac.authorization.k8s.io/v1"
Kind = records.EventKind


class Bad(site.Site):
    """A daemon with the rights of a service account, behind a proxy. Its API server may be taken away."""

    cluster: controlplane.ControlPlane

    def __init__(self, folder: pathlib.Path, plane: controlplane.ControlPlane, namespace: str) -> None:
        super().__init__(folder, plane, namespace)
        self.plane = plane
        self.account = access.Client(plane.user_with_rules(DAEMON, ALL, namespace=namespace))
        self.core = f"/api/v1/namespaces/{namespace}"
        self.deployment = access.path_of("apps/v1", "Deployment", namespace=namespace, name="web")
        self.objects: tuple[access.Json, ...] = (
            site.config_map("one", kept="yes"),
            site.config_map("two", kept="yes"),
        )
        self.version = 0
        self.mark = plane.audit_mark()
        environment = self.settings["environments"][site.ENVIRONMENT]
        environment["verify"]["progressDeadline"] = "5m"  # after an outage the node's lease must run out first
        environment["prune"] = {"count": 5, "percent": "90%"}

    def begin(self, between: proxy.Proxy) -> None:
        """A daemon at rest behind the proxy."""
        self.between = between
        self.settings["clusters"]["test"]["kubeconfig"] = str(between.kubeconfig)
        self.configure()
        revision = self.release()
        self.start()
        self.wait_rest(revision)

    def release(self, more: str = "") -> str:
        """The next version, on top of what is there."""
        self.version += 1
        if self.version > 1:
            self.pull()
        image = endings.image(f"v{self.version}{more}")
        self.application("web", [site.deployment(image=image, replicas=1), *self.objects])
        return self.commit(f"v{self.version}{more}")

    def wait_rest(self, revision: str) -> None:
        self.wait_ledger(
            lambda ledger: ledger.last_good and ledger.last_good.revision == revision and endings.at_rest(ledger),
            what=f"v{self.version} being at rest",
        )

    def wait_told(self, words: str) -> None:
        """Until the application holds for a reason with these words."""
        self.wait_ledger(lambda ledger: ledger.hold and words in ledger.hold.because, what=f"a hold: {words}")

    def generation(self) -> int:
        found = self.live("deployments", "web")
        assert found
        return int(found["metadata"]["generation"])

    def answered(self, user: access.Client, status: int) -> bool:
        """Whether a write of this user that changes nothing is answered so now."""
        body = {"metadata": {"annotations": {"asked": "once"}}}
        asked = f"{self.deployment}?dryRun=All"
        return user.request("PATCH", asked, body, content_type=access.MERGE_PATCH).status == status


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bad]:
    folder = tmp_path_factory.mktemp("hostile")
    with controlplane.running() as plane:
        made = Bad(folder, plane, conftest.new_namespace(plane, "hostile"))
        with proxy.running(folder / "proxy", made.account) as between:
            try:
                made.begin(between)
                yield made
            finally:
                made.close()


def test_a_watch_goes_silent(here: Bad) -> None:
    """75 s pass before that is noticed: meanwhile comes the rest (I21)."""
    assert here.between.silence(lambda asked: asked.path.endswith("/configmaps"))
    here.plane.patch(f"{here.core}/configmaps/one", {"data": {"kept": "edited"}})


def test_an_overloaded_server_is_waited_for(here: Bad) -> None:
    """A 429 was never carried out: it is repeated after its Retry-After (I20)."""
    busy = proxy.refusing(429, "Too many requests", **{"Retry-After": "1"})
    fault = here.between.fault(proxy.is_write, busy, times=2)
    here.wait_rest(here.release())
    assert fault.met == 2


def test_a_server_that_takes_five_seconds_for_a_write_is_waited_for(here: Bad) -> None:
    fault = here.between.fault(proxy.on("deployments", "PATCH"), proxy.delaying(5))
    here.wait_rest(here.release())
    assert fault.met == 1


def test_a_lost_answer_is_read_back_and_its_write_has_one_effect(here: Bad) -> None:
    """What arrived is not made once more (F10, I19)."""
    before = here.generation()
    fault = here.between.fault(proxy.on("deployments", "PATCH"), proxy.swallowing())
    here.wait_rest(here.release())
    assert fault.met == 1
    assert here.generation() == before + 1


def test_a_request_that_never_arrives_is_made_again(here: Bad) -> None:
    before = here.generation()
    fault = here.between.fault(proxy.on("deployments", "PATCH"), proxy.hanging_up)
    here.wait_rest(here.release())
    assert fault.met == 1
    assert here.generation() == before + 1


def test_an_admission_webhook_that_never_answers_holds(here: Bad) -> None:
    """It comes between the dry-run and the write; from then on the dry-run meets it (failurePolicy: Fail)."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = webhook(here, port=silent.getsockname()[1])

        def appears() -> None:
            here.plane.create(hook)
            here.plane.wait_for(lambda: here.answered(here.plane, 500), what="the webhook being in force")

        here.between.fault(proxy.on("deployments", "PATCH"), proxy.before(appears))
        revision = here.release()
        here.wait_told("failed calling webhook")
        here.plane.delete(access.path_of_manifest(hook))
    here.wait_rest(revision)


def webhook(here: Bad, *, port: int) -> access.Json:
    """Asked about every change of a Deployment of the site."""
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"]}
    authority = base64.b64encode(here.plane.ca_file.read_bytes()).decode()
    asked = {
        "name": "silent.example.com",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": authority},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": here.namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
        "failurePolicy": "Fail",
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": here.namespace},
        "webhooks": [asked],
    }


def test_a_quota_that_is_used_up_holds(here: Bad) -> None:
    """Nothing of a release is written when one of its objects is refused."""
    before = here.generation()
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": here.namespace}}
    here.plane.create(quota | {"spec": {"hard": {"count/services": "0"}}})
    place = f"{here.core}/resourcequotas/small"
    here.plane.wait_for(lambda: "hard" in (here.plane.get(place) or {}).get("status", {}), what="the quota in force")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    here.objects += (service,)
    revision = here.release()
    here.wait_told("exceeded quota")
    assert here.generation() == before
    here.plane.delete(place)
    here.ask(records.RequestKind.SYNC)  # it would look again by itself, half a minute later
    here.wait_rest(revision)
    assert here.live("services", "web", group="v1")


def test_rights_that_are_taken_away_in_the_middle_hold(here: Bad) -> None:
    """What was allowed to the dry-run is not to the write."""
    binding = access.path_of(RBAC, "RoleBinding", namespace=here.namespace, name=DAEMON)
    before = here.plane.get(binding)
    assert before

    def go() -> None:
        here.plane.delete(binding)
        here.plane.wait_for(lambda: here.answered(here.account, 403), what="the rights being gone")

    here.between.fault(proxy.on("deployments", "PATCH"), proxy.before(go))
    revision = here.release()
    here.wait_told("forbidden")
    here.plane.create(before | {"metadata": {"name": DAEMON, "namespace": here.namespace}})
    here.wait_rest(revision)


def test_a_token_that_is_worth_nothing_any_more_holds_until_a_new_one_is_there(here: Bad) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": DAEMON, "namespace": here.namespace}}
    here.plane.delete(access.path_of_manifest(account))
    here.plane.create(account)
    here.plane.wait_for(lambda: here.answered(here.account, 401), what="the token being refused")  # known for 10 s
    revision = here.release()
    here.wait_told("does not accept our credentials")
    here.between.admit(here.plane.token_of(DAEMON, namespace=here.namespace))
    here.wait_rest(revision)


def test_the_watch_that_went_silent_is_dead_by_then_and_what_it_did_not_tell_is_healed(here: Bad) -> None:
    """I21."""
    place = f"{here.core}/configmaps/one"
    here.wait(lambda: (here.plane.get(place) or {})["data"] == {"kept": "yes"}, what="the edit being healed")
    # A release that was on its way when the watch came back heals it in passing, and tells nothing of drift.
    told = endings.events(here, Kind.DRIFT_SEEN)
    assert all(f"ConfigMap {here.namespace}/one differs from Git" in one for one in told)
    here.wait_in_sync()


def test_watches_whose_place_is_forgotten_lose_nothing(here: Bad) -> None:
    """410 in the middle of a rollout, on every watch."""
    forgotten: list[int] = []
    forget = proxy.before(lambda: forgotten.append(here.between.forget()))
    here.between.fault(proxy.on("deployments", "PATCH"), forget)
    here.wait_rest(here.release())
    assert forgotten[0] > 0
    here.plane.patch(here.deployment, {"spec": {"replicas": 0}})
    here.wait(lambda: (here.plane.get(here.deployment) or {})["spec"]["replicas"] == 1, what="the edit being healed")
    here.wait_in_sync()


def test_the_answer_to_each_write_of_a_release_and_of_a_prune_is_lost_once(here: Bad) -> None:
    """F10: objects and target record; each object becomes another one once."""
    seen: set[tuple[str, str]] = set()
    outside = endstate.Outside(here, ("web", "three"))
    outside.mark()

    def first(asked: proxy.Asked) -> bool:
        new = proxy.is_change(asked) and (asked.method, asked.path) not in seen
        seen.update([(asked.method, asked.path)] if new else [])
        return new

    fault = here.between.fault(first, proxy.swallowing(), times=100)
    before = here.objects
    here.objects = (*before, site.config_map("three", kept="yes"))
    here.wait_rest(here.release())
    here.objects = before
    here.wait_rest(here.release())
    here.between.faults.remove(fault)
    changed = {(method, path.rpartition("/")[2]) for method, path in seen}
    assert {("PATCH", "web"), ("PATCH", "three"), ("DELETE", "three")} < changed
    assert len(changed) > 3, "no target record among them"
    assert outside.effects() == {"deployments/web": 2, "configmaps/three": 2}


def test_a_certificate_that_is_rotated_is_trusted_once_its_authority_is(here: Bad, tmp_path: pathlib.Path) -> None:
    ca_file, key_file = tls.write(tmp_path)
    here.between.present(ca_file, key_file)
    revision = here.release()
    here.wait_told("cannot be trusted")
    here.between.trust(ca_file)
    here.wait_rest(revision)


def test_a_server_that_dies_with_a_prune_has_pruned_once(here: Bad) -> None:
    fault = here.between.fault(proxy.on("configmaps", "DELETE"), proxy.swallowing(here.plane.stop_api_server))
    here.objects = tuple(each for each in here.objects if each["metadata"]["name"] != "two")
    revision = here.release()
    here.wait(lambda: fault.met, what="the prune")
    here.wait_told("gave no answer")
    here.plane.start_api_server()
    here.wait_rest(revision)
    assert here.live("configmaps", "two", group="v1") is None


def test_a_server_that_dies_with_a_revert_ends_it_all_the_same(here: Bad) -> None:
    """The first write of a release that fails passes; the next one is the way back."""
    deployments = proxy.on("deployments", "PATCH")
    dying = proxy.swallowing(here.plane.stop_api_server)
    faults: list[proxy.Fault] = []
    here.between.fault(deployments, proxy.before(lambda: faults.append(here.between.fault(deployments, dying))))
    bad = here.release("-crash-loop")
    here.wait(lambda: faults and faults[0].met, what="the way back")
    here.plane.start_api_server()
    endings.wait_back(here, records.GitStep.PUSHED, failed=bad, also=endings.at_rest)
    assert here.image() == endings.image(f"v{here.version - 1}")


def test_after_all_of_it_nothing_is_lost_doubled_or_reverted_for_an_outage(here: Bad) -> None:
    """I1, I19, I22: the one release that failed by itself was taken back, once, and no other."""
    assert here.stop() == 0
    failed = here.rows("SELECT because FROM events WHERE kind = ?", Kind.ROLLOUT_FAILED.value)
    assert len(failed) == len(endings.our_commits(here)) == 1
    assert endstate.unlike_the_audit_log(here, after=here.mark) == []
    assert here.rows("SELECT operation FROM intents WHERE result IS NULL") == []
    assert endstate.broken_chain(here) == ""
