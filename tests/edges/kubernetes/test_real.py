"""The edge against the real control plane: what the contract of the port leaves open."""

import asyncio
import base64
import contextlib
import dataclasses
import json
import pathlib
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from reconciler import errors, ports
from reconciler.edges.kubernetes import cluster, session
from reconciler.model import document, ids, live, manifests, records, rights
from tests.clusterkit import access, controlplane
from tests.contracts.waiting import until

pytestmark = pytest.mark.cluster

CONFIG_MAP = ids.KindKey("", "ConfigMap")
TARGET = ids.TargetKey("production", "web")
QUICK = session.Timeouts(connect=1.0, call=5.0, silence=2.0, back_off=0.05, longest_back_off=0.2)
Json = dict[str, Any]


@contextlib.asynccontextmanager
async def connected(kubeconfig: pathlib.Path, **settings: Any) -> AsyncIterator[cluster.KubernetesCluster]:
    made = await cluster.connect("test", kubeconfig=str(kubeconfig), **settings)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def edge(control_plane: access.ClusterAccess) -> AsyncIterator[cluster.KubernetesCluster]:
    async with connected(control_plane.kubeconfig) as made:
        yield made


def rendered(kind: str, name: str, namespace: str = "", api_version: str = "v1", **content: Any) -> manifests.Manifest:
    group, slash, _ = api_version.partition("/")
    key = ids.ObjectKey(group if slash else "", kind, namespace, name)
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
    return manifests.Manifest(key, api_version, document.encode(body), manifests.Origin("test.yaml", 1))


def config_map(namespace: str, name: str = "settings", **data: str) -> manifests.Manifest:
    return rendered("ConfigMap", name, namespace, data=data)


async def apply(edge: ports.Cluster, manifest: manifests.Manifest) -> live.Applied | live.Refused:
    return await edge.apply(manifest, operation=str(uuid.uuid4()), force=False)


async def applied(edge: ports.Cluster, manifest: manifests.Manifest) -> live.LiveMeta:
    reply = await apply(edge, manifest)
    assert isinstance(reply, live.Applied), reply
    return reply.live.meta


async def refused(edge: ports.Cluster, manifest: manifests.Manifest) -> live.Refused:
    reply = await apply(edge, manifest)
    assert isinstance(reply, live.Refused), reply
    return reply


# --- what the server sees


async def test_counted_calls_carry_their_operation_into_the_audit_log(
    edge: cluster.KubernetesCluster, control_plane: access.ClusterAccess, namespace: str
) -> None:
    operations = [str(uuid.uuid4()) for _ in range(4)]
    mark = control_plane.audit_mark()
    manifest = config_map(namespace, a="1")
    await edge.dry_run(manifest, force=False)
    first = await edge.apply(manifest, operation=operations[0], force=False)
    assert isinstance(first, live.Applied)
    await edge.apply(config_map(namespace, a="2"), operation=operations[1], force=False)
    await edge.apply(
        rendered("Deployment", "d", namespace, "apps/v1", spec={"x": 1}), operation=operations[2], force=False
    )
    await edge.delete(manifest.key, uid=first.live.meta.uid, operation=operations[3])
    ours = [line for line in control_plane.audit_lines(after=mark) if line["userAgent"] == session.USER_AGENT]
    counted = [line for line in ours if "dryRun=All" not in line["requestURI"] and line["verb"] in ("patch", "delete")]
    assert [(line["auditID"], line["verb"]) for line in counted] == list(
        zip(operations, ["patch", "patch", "patch", "delete"], strict=True)
    )


async def test_the_edge_is_manager_reconciler_and_its_records_are_not(
    control_plane: access.ClusterAccess, namespace: str
) -> None:
    async with connected(control_plane.kubeconfig, namespace_for_records=namespace) as edge:
        await applied(edge, config_map(namespace))
        await edge.write_record(records.TargetRecord(TARGET, "i", 1, "", (), "", 0, ""))
    path = access.path_of("v1", "ConfigMap", namespace=namespace)
    managers = {
        found["metadata"]["name"]: [
            (entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]
        ]
        for found in control_plane.items(path)
    }
    assert managers["settings"] == [("reconciler", "Apply")]
    assert managers["reconciler-production-web"] == [("reconciler-records", "Apply")]


async def test_a_damaged_record_is_not_an_absent_one(control_plane: access.ClusterAccess, namespace: str) -> None:
    name = {"name": "reconciler-production-web", "namespace": namespace}
    control_plane.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name, "data": {"epoch": "3"}})
    async with connected(control_plane.kubeconfig, namespace_for_records=namespace) as edge:
        with pytest.raises(errors.Terminal, match="cannot be understood"):
            await edge.read_record(TARGET)


# --- refusals


async def test_no_refusal_shows_the_content_of_a_secret(edge: cluster.KubernetesCluster, namespace: str) -> None:
    hidden = base64.b64encode(b"hunter2-hunter2").decode()
    for content in (
        {"data": {"password": "hunter2-hunter2!"}},  # no base64
        {"data": {"password": {"nested": "hunter2-hunter2"}}},
        {"data": {"pass word": hidden}},
        {"data": {"password": hidden}, "type": "kubernetes.io/tls"},
    ):
        reply = await refused(edge, rendered("Secret", "login", namespace, **content))
        assert reply.why is live.Why.INVALID
        assert "hunter2" not in reply.message
        assert hidden not in reply.message


async def test_what_is_being_deleted_takes_nothing_new(
    edge: cluster.KubernetesCluster, control_plane: access.ClusterAccess, namespace: str
) -> None:
    held = rendered("ConfigMap", "held", namespace)
    body = json.loads(held.body)
    body["metadata"]["finalizers"] = ["example.com/hold"]
    control_plane.create(body)
    space = await edge.read(ids.ObjectKey("", "Namespace", "", namespace))
    assert space is not None
    reply = await edge.delete(space.meta.key, uid=space.meta.uid, operation=str(uuid.uuid4()))
    assert reply == live.Deleted(space.meta.key, gone=False, finalizers=("kubernetes",))
    assert (await refused(edge, config_map(namespace))).why is live.Why.TERMINATING
    path = access.path_of("v1", "ConfigMap", namespace=namespace, name="held")
    await asyncio.to_thread(control_plane.patch, path, {"metadata": {"finalizers": None}})


async def test_quota_and_policy_are_told_apart(
    edge: cluster.KubernetesCluster, control_plane: access.ClusterAccess, namespace: str
) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": namespace}}
    control_plane.create(quota | {"spec": {"hard": {"count/services": "0"}}})
    place = access.path_of("v1", "ResourceQuota", namespace=namespace, name="small")

    def counted() -> bool:
        return "hard" in ((control_plane.get(place) or {}).get("status") or {})

    await asyncio.to_thread(control_plane.wait_for, counted, what="the quota being in force")
    service = rendered("Service", "web", namespace, spec={"ports": [{"port": 80}]})
    over = await refused(edge, service)
    assert (over.why, "exceeded quota" in over.message) == (live.Why.FORBIDDEN, True)
    control_plane.patch(
        access.path_of("v1", "Namespace", name=namespace),
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
    )
    pod = rendered("Pod", "web", namespace, spec={"containers": [{"name": "web", "image": "web:v1"}]})
    assert (await refused(edge, pod)).why is live.Why.DENIED


async def test_warnings_are_collected(edge: cluster.KubernetesCluster, namespace: str) -> None:
    container = {"name": "web", "image": "web:v1", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": pod}
    reply = await apply(edge, rendered("Deployment", "web", namespace, "apps/v1", spec=spec))
    warned = reply.warnings if isinstance(reply, live.Applied) else (reply.message,)
    assert any("env" in text for text in warned)  # a warning, or, where lists are typed, a refusal


# --- fewer rights


async def test_rights_in_one_namespace_are_enough_there(control_plane: access.ClusterAccess, namespace: str) -> None:
    verbs = ["get", "list", "watch", "create", "patch", "delete"]
    limited = control_plane.user_with_rules(
        "limited", [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}], namespace=namespace
    )
    async with connected(limited) as edge:
        await edge.watch([(CONFIG_MAP, namespace)])
        made = await applied(edge, config_map(namespace))
        assert await until(lambda: edge.meta(made.key), what="the watch of one namespace") == made
        with pytest.raises(errors.Transient, match="no watch covers"):
            edge.meta(ids.ObjectKey("", "ConfigMap", "default", "x"))
        with pytest.raises(errors.Forbidden, match="forbidden"):
            await edge.watch([(CONFIG_MAP, "default")])
        with pytest.raises(errors.Forbidden, match="cannot be read"):
            await edge.read(ids.ObjectKey("", "Secret", namespace, "x"))
        assert (await refused(edge, rendered("Secret", "x", namespace))).why is live.Why.NO_RIGHT
        credentials = next(found for found in await edge.check() if found.subject == "credentials")
        needed = [rights.Need(kind, namespace, rights.VERBS) for kind in (CONFIG_MAP, ids.KindKey("", "Secret"))]
        answers = (await edge.rights(needed)).answers
    assert credentials.ok is True
    assert [answer.missing for answer in answers] == [(), rights.VERBS]


async def test_a_wrong_token_is_transient_and_said(control_plane: access.ClusterAccess, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "kubeconfig"
    access.write_kubeconfig(
        path, server=control_plane.server, ca_file=control_plane.ca_file, user="nobody", token="wrong"
    )
    async with connected(path) as edge:
        with pytest.raises(errors.Transient, match="401"):
            await edge.facts()


async def test_a_server_that_the_ca_does_not_vouch_for_is_not_talked_to(
    control_plane: access.ClusterAccess, lonely_ca: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "kubeconfig"
    access.write_kubeconfig(path, server=control_plane.server, ca_file=lonely_ca, user="a", token=control_plane.token)
    async with connected(path) as edge:
        for _ in range(2):
            with pytest.raises(errors.Transient, match="cannot be trusted"):
                await edge.facts()


@pytest.fixture
def lonely_ca(start_control_plane: Callable[..., controlplane.ControlPlane]) -> pathlib.Path:
    """The certificate of another cluster."""
    return start_control_plane(controllers=False).ca_file


# --- a new kind


async def test_a_new_kind_is_seen_once_it_is_served(
    edge: cluster.KubernetesCluster, control_plane: access.ClusterAccess, namespace: str
) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    kind = ids.KindKey(group, "Widget")
    widget = rendered("Widget", "w", namespace, f"{group}/v1", spec={"size": 1})
    await edge.watch([(kind, namespace)])
    assert edge.meta(widget.key) is None
    assert (await refused(edge, widget)).why is live.Why.NO_KIND
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    crd = rendered("CustomResourceDefinition", f"widgets.{group}", "", "apiextensions.k8s.io/v1", spec=spec)
    made = await applied(edge, crd)

    def established() -> bool:
        found = control_plane.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd.key.name}") or {}
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)

    await asyncio.to_thread(control_plane.wait_for, established, what="the CRD being established")
    await edge.facts(fresh=True)
    await edge.watch([(kind, namespace)])
    meta = await applied(edge, widget)

    def seen() -> bool:
        with contextlib.suppress(errors.Transient):
            return edge.meta(widget.key) == meta
        return False

    await until(seen, what="the watch of the new kind")
    await edge.delete(crd.key, uid=made.uid, operation=str(uuid.uuid4()))


# --- outages


async def test_servers_without_streaming_lists(start_control_plane: Callable[..., controlplane.ControlPlane]) -> None:
    plane = start_control_plane(controllers=False, api_server_flags=["--feature-gates=WatchList=false"])
    async with connected(plane.kubeconfig) as edge:
        made = await applied(edge, config_map("default"))
        await edge.watch([(CONFIG_MAP, "default")])
        assert edge.meta(made.key) == made
        changed = await applied(edge, config_map("default", a="1"))
        await until(lambda: edge.meta(made.key) == changed, what="the change")


async def test_an_outage_is_known_at_once_and_over_by_itself(
    start_control_plane: Callable[..., controlplane.ControlPlane],
) -> None:
    plane = start_control_plane(controllers=False)
    async with connected(plane.kubeconfig, timeouts=QUICK) as edge:
        manifest = config_map("default", a="1")
        await edge.watch([(CONFIG_MAP, "default")])
        await edge.follow(TARGET, [(CONFIG_MAP, "default")], woken=lambda: None)
        made = await applied(edge, manifest)
        await until(lambda: edge.meta(made.key), what="the watch")
        plane.stop_api_server()

        def unknown() -> bool:
            with contextlib.suppress(errors.Transient):
                edge.meta(made.key)
                return False
            with contextlib.suppress(errors.Transient):
                edge.followed(TARGET)
                return False
            return True

        await until(unknown, what="the outage being known")
        for call in (edge.read(made.key), apply(edge, manifest), edge.facts(fresh=True), edge.read_record(TARGET)):
            with pytest.raises(errors.Transient, match="cannot be reached"):
                await call
        await asyncio.to_thread(plane.start_api_server)
        changed = await applied(edge, config_map("default", a="2"))

        def recovered() -> bool:
            with contextlib.suppress(errors.Transient):
                return edge.meta(made.key) == changed == edge.followed(TARGET)[made.key].meta
            return False

        await until(recovered, what="the watches having come back")


async def test_a_frozen_server_is_dead_after_the_silence_allowed(
    start_control_plane: Callable[..., controlplane.ControlPlane],
) -> None:
    plane = start_control_plane(controllers=False)
    async with connected(plane.kubeconfig, timeouts=dataclasses.replace(QUICK, call=1.0)) as edge:
        made = await applied(edge, config_map("default"))
        await edge.watch([(CONFIG_MAP, "default")])
        plane.freeze_api_server()

        def known() -> bool:
            try:
                return edge.meta(made.key) is None
            except errors.Transient:
                return True

        await until(known, what="the silence being noticed")
        with pytest.raises(errors.Transient):
            await apply(edge, config_map("default", a="1"))
        plane.thaw_api_server()

        def recovered() -> bool:
            with contextlib.suppress(errors.Transient):
                return edge.meta(made.key) is not None
            return False

        await until(recovered, what="the watch having come back")
