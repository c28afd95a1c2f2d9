"""The kit itself: what other tests take for granted about the control plane they run on."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest

from tests.clusterkit import access, controlplane, processes

pytestmark = pytest.mark.cluster

SCRIPT = controlplane.KIT / "cluster.py"
Json = access.Json


def deployment(namespace: str, *, image: str = "web:v1", replicas: int = 1) -> Json:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    metadata = {"name": "web", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def job(namespace: str, *, image: str) -> Json:
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "work", "image": image}]}}
    spec = {"backoffLimit": 0, "template": pod}
    metadata = {"name": "work", "namespace": namespace}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def config_map(namespace: str, name: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}


def test_a_deployment_becomes_available(control_plane: access.ClusterAccess, namespace: str) -> None:
    control_plane.apply(deployment(namespace, replicas=3))
    control_plane.wait_for(
        lambda: control_plane.deployment_available(namespace, "web", replicas=3), what="three replicas"
    )


def first_pod(cluster: access.ClusterAccess, namespace: str) -> tuple[Json, Json]:
    """Its status and its first container's; empty before there are any."""
    pods = cluster.items(access.path_of("v1", "Pod", namespace=namespace))
    status = pods[0].get("status", {}) if pods else {}
    return status, (status.get("containerStatuses") or [{}])[0]


def is_ready(status: Json) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ()))


def crash_looping(status: Json, container: Json) -> bool:
    waiting, last = container.get("state", {}).get("waiting", {}), container.get("lastState", {}).get("terminated", {})
    seen = (waiting.get("reason"), last.get("exitCode"), container.get("restartCount"))
    return seen == ("CrashLoopBackOff", 1, 5)


def image_missing(status: Json, container: Json) -> bool:
    waiting = container.get("state", {}).get("waiting", {})
    return (waiting.get("reason"), status.get("phase")) == ("ImagePullBackOff", "Pending")


def running_unready(status: Json, container: Json) -> bool:
    return "running" in container.get("state", {}) and not is_ready(status)


@pytest.mark.parametrize(
    ("word", "seen"),
    [
        ("crash-loop", crash_looping),
        ("image-pull-error", image_missing),
        ("never-ready", running_unready),
        ("fails-later", lambda status, _: is_ready(status)),
        ("fails-later", running_unready),
    ],
)
def test_a_bad_image_behaves_as_its_tag_says(
    control_plane: access.ClusterAccess, namespace: str, *, word: str, seen: Callable[[Json, Json], bool]
) -> None:
    control_plane.apply(deployment(namespace, image=f"web:v2-{word}"))
    control_plane.wait_for(lambda: seen(*first_pod(control_plane, namespace)), what=f"a pod that shows {word}")


@pytest.mark.parametrize(
    ("image", "ending"), [("work:v1", "Complete"), ("work:v2-job-fails", "Failed")], ids=["well", "job-fails"]
)
def test_a_job_ends(control_plane: access.ClusterAccess, namespace: str, *, image: str, ending: str) -> None:
    control_plane.apply(job(namespace, image=image))
    path = access.path_of("batch/v1", "Job", namespace=namespace, name="work")

    def ended() -> bool:
        conditions = ((control_plane.get(path) or {}).get("status") or {}).get("conditions") or ()
        return any(c["type"] == ending and c["status"] == "True" for c in conditions)

    control_plane.wait_for(ended, what=f"the job being {ending}")


def test_the_audit_log_has_a_write_by_its_id_as_soon_as_it_is_answered(
    control_plane: access.ClusterAccess, namespace: str
) -> None:
    path = access.path_of("v1", "ConfigMap", namespace=namespace)
    for number in range(30):  # a log written in the background would miss some of these
        mark, operation = control_plane.audit_mark(), str(uuid.uuid4())
        body = config_map(namespace, f"a{number}")
        reply = control_plane.request("POST", path, body, headers={"Audit-ID": operation})
        lines = [line for line in control_plane.audit_lines(after=mark) if line["auditID"] == operation]
        assert [(line["verb"], line["responseStatus"]["code"]) for line in lines] == [("create", reply.status)]


def test_a_user_has_the_rights_given_and_no_others(control_plane: access.ClusterAccess, namespace: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get"]}]
    nodes = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    limited = access.Client(control_plane.user_with_rules("limited", rules, namespace=namespace, cluster_rules=nodes))
    limited.create(config_map(namespace, "mine"))
    assert len(limited.items("/api/v1/nodes")) == 1
    for refused in (
        lambda: limited.delete(access.path_of("v1", "ConfigMap", namespace=namespace, name="mine")),
        lambda: limited.create(config_map("default", "theirs")),
    ):
        with pytest.raises(access.RefusedError, match="forbidden"):
            refused()


def test_the_api_server_goes_and_comes_back_with_its_data(lonely_control_plane: controlplane.ControlPlane) -> None:
    cluster = lonely_control_plane
    cluster.apply(deployment("default", replicas=2))
    cluster.stop_api_server()
    with pytest.raises(OSError, match="refused"):
        cluster.get("/readyz")
    cluster.start_api_server()
    cluster.wait_for(lambda: cluster.deployment_available("default", "web", replicas=2), what="controllers going on")


def test_a_frozen_api_server_answers_once_it_is_thawed(
    start_control_plane: Callable[..., controlplane.ControlPlane],
) -> None:
    cluster = start_control_plane(controllers=False)
    cluster.freeze_api_server()
    with pytest.raises(TimeoutError):
        cluster.request("GET", "/readyz", timeout=0.2)
    cluster.thaw_api_server()
    assert cluster.request("GET", "/readyz").status == 200


def test_flags_reach_the_api_server(start_control_plane: Callable[..., controlplane.ControlPlane]) -> None:
    cluster = start_control_plane(controllers=False, api_server_flags=["--enable-admission-plugins=AlwaysPullImages"])
    said = (cluster.folder / "kube-apiserver.log").read_text()
    assert "AlwaysPullImages" in said


def test_a_part_that_ends_says_why(start_control_plane: Callable[..., controlplane.ControlPlane]) -> None:
    with pytest.raises(processes.PartEndedError, match="unknown flag: --no-such-flag"):
        start_control_plane(controllers=False, api_server_flags=["--no-such-flag"])


def running_in(folder: pathlib.Path) -> set[int]:
    """The processes started with `folder` in their arguments; one that ended and is not yet reaped has none."""
    found = set()
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if os.fsencode(folder) in entry.read_bytes():
                found.add(int(entry.parent.name))
    return found


@pytest.mark.skipif(not pathlib.Path("/proc/self").exists(), reason="looks the processes up in Linux's /proc")
def test_nothing_outlives_an_owner_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, SCRIPT], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder = pathlib.Path(owner.stdout.readline().strip().removeprefix("export KUBECONFIG=")).parent
        parts = running_in(folder)
        assert len(parts) == 5
        frozen = min(parts)
        os.kill(frozen, signal.SIGSTOP)  # it cannot notice anything by itself
        owner.kill()
    access.wait_for(lambda: running_in(folder) <= {frozen}, 10, what="the parts ending by themselves")
    with processes.owned_folder():
        assert not folder.exists(), "the next start removes what a crash left"
        access.wait_for(lambda: not running_in(folder), 10, what="the frozen part being ended by the next start")


def test_the_foreground_cluster_ends_cleanly_when_asked() -> None:
    with subprocess.Popen([sys.executable, SCRIPT], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        kubeconfig = pathlib.Path(owner.stdout.readline().strip().removeprefix("export KUBECONFIG="))
        assert access.Client(kubeconfig).request("GET", "/readyz").status == 200
        owner.terminate()
    assert owner.returncode == 0
    assert not kubeconfig.parent.exists()


def test_the_foreground_cluster_ends_with_its_parent_on_request() -> None:
    nested = f"import subprocess, sys; subprocess.run([sys.executable, {str(SCRIPT)!r}, '--with-parent'])"
    with subprocess.Popen([sys.executable, "-c", nested], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        kubeconfig = pathlib.Path(parent.stdout.readline().strip().removeprefix("export KUBECONFIG="))
        assert kubeconfig.exists()
        parent.kill()
    access.wait_for(lambda: not kubeconfig.parent.exists(), 10, what="the cluster ending after its parent")
