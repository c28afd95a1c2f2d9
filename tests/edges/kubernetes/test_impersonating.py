"""As whom the API server is asked: the user that an environment acts as, for everything that concerns its objects."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from reconciler import errors
from reconciler.edges.kubernetes import cluster, session
from reconciler.model import ids, manifests, records, rights
from tests.edges.kubernetes import fake

KEY = ids.ObjectKey("", "ConfigMap", "web", "settings")
MANIFEST = manifests.Manifest(KEY, "v1", b'{"data":{"a":"1"}}', manifests.Origin("all.yaml", 1))
TARGET = ids.TargetKey("production", "web")
NOBODY = "nobody may be this user"


@pytest.fixture
async def edge(api: fake.FakeApi, tmp_path: pathlib.Path) -> AsyncIterator[cluster.KubernetesCluster]:
    made = await cluster.connect("fake", kubeconfig=str(fake.kubeconfig(tmp_path, server=api.url)))
    yield made
    await made.close()


def users(api: fake.FakeApi, path: str) -> set[str]:
    """The users as whom paths that begin so were asked for; '' for ourselves."""
    return {found.headers.get("impersonate-user", "") for found in api.requests if found.path.startswith(path)}


async def test_everything_about_objects_is_asked_as_the_user_and_the_rest_as_ourselves(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    api.put("settings")
    view = edge.seen_as(session.Identity("robot", ("robots", "all")))
    await view.watch([(KEY.kind_key, "web")])
    assert view.meta(KEY) is not None
    await view.follow(TARGET, [(KEY.kind_key, "web")], woken=lambda: None)
    found = await view.read(KEY)
    assert found is not None
    await view.dry_run(MANIFEST, force=False)
    await view.apply(MANIFEST, operation="operation-1", force=False)
    await view.delete(KEY, uid=found.meta.uid, operation="operation-2")
    await view.every(KEY.kind_key, "web")
    await view.rights([rights.Need(KEY.kind_key, "web", ("get",))])
    await view.facts(fresh=True)
    await view.write_record(records.TargetRecord(TARGET, "i", 1, "", (), "", 0, ""))
    await view.read_record(TARGET)
    assert users(api, "/api/v1/namespaces/web") == users(api, "/api/v1/configmaps") | {"robot"} == {"robot"}
    assert users(api, "/apis/authorization.k8s.io") == {"robot"}
    assert users(api, "/version") == users(api, "/api/v1/namespaces/reconciler") == {""}
    await view.close()
    assert (await edge.facts(fresh=True)).version, "a view that is closed leaves the connection open"
    await edge.read(KEY)
    assert users(api, "/api/v1/namespaces/web") == {"robot", ""}, "and the cluster itself is asked as before"


async def test_each_group_is_named(api: fake.FakeApi, edge: cluster.KubernetesCluster) -> None:
    view = edge.seen_as(session.Identity("robot", ("robots", "all")))
    seen: list[list[str]] = []

    async def answer(request: fake.web.Request) -> fake.web.StreamResponse:
        seen.append(request.headers.getall("Impersonate-Group"))
        return fake.status(404, "not found", reason="NotFound", details={"name": "settings", "kind": "configmaps"})

    api.fault(lambda request: request.method == "GET" and request.path.endswith("/settings"), answer)
    assert await view.read(KEY) is None
    assert seen == [["robots", "all"]]


async def test_that_we_may_not_be_this_user_is_said_in_the_servers_words(
    api: fake.FakeApi, edge: cluster.KubernetesCluster
) -> None:
    view = edge.seen_as(session.Identity("robot"))
    api.fault(lambda request: "impersonate-user" in request.headers, fake.refusing(403, NOBODY))
    with pytest.raises(errors.ReconcilerError, match=NOBODY):
        await view.read(KEY)
