"""Target records: the journal's anchors in the cluster, one ConfigMap a target (S1). No counted calls."""

import contextlib

from reconciler import errors
from reconciler.edges.kubernetes import listing, objects, replies, session
from reconciler.model import anchors, document, ids, live, records

CONFIG_MAPS = live.ResourceType(ids.KindKey("", "ConfigMap"), "v1", "configmaps", True, frozenset())
NAMESPACES = live.ResourceType(ids.KindKey("", "Namespace"), "v1", "namespaces", False, frozenset())


class Records:
    def __init__(self, opened: session.Session, namespace: str) -> None:
        self._session = opened
        self._namespace = namespace

    async def read(self, target: ids.TargetKey) -> records.TargetRecord | None:
        """Raises `errors.Terminal` when it cannot be understood: a damaged anchor is not an absent one."""
        key = self._key(target)
        reply = await self._session.request("GET", objects.path(CONFIG_MAPS, self._namespace, key.name))
        if not reply.ok:
            refused = replies.refusal(reply, key)
            if refused.status == 404:
                return None
            raise _refused(
                refused.status, f"the target record {key} cannot be read ({refused.status}): {refused.message}"
            )
        data = document.mapping(reply.document(), "data")
        try:
            return anchors.parse(data)
        except ValueError as error:
            raise errors.Terminal(
                f"the target record {key} cannot be understood: {error}; restore it, or delete it when the journal is"
                " known to be right"
            ) from error

    async def all(self) -> tuple[records.TargetRecord, ...]:
        """As `ports.Cluster.read_records`. A namespace that is not there holds none."""
        found: list[records.TargetRecord] = []
        path, query = objects.path(CONFIG_MAPS, self._namespace), {"labelSelector": anchors.SELECTOR}
        try:
            async for item in listing.items(self._session, path, query=query, accept="application/json"):
                with contextlib.suppress(ValueError):
                    found.append(anchors.parse(document.mapping(item, "data")))
        except listing.RefusedError as error:
            about = f"the target records in namespace {self._namespace} cannot be listed ({error.status})"
            raise _refused(error.status, f"{about}: `reconciler doctor` names the missing right") from error
        return tuple(found)

    async def write(self, record: records.TargetRecord) -> None:
        """Create or replace it; the namespace, too, when it is absent."""
        key = self._key(record.target)
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": key.name,
                "namespace": self._namespace,
                "labels": dict(anchors.LABELS),
            },
            "data": anchors.fields(record),
        }
        reply = await self._put(CONFIG_MAPS, key, body)
        if not reply.ok and replies.refusal(reply, key).why is live.Why.NO_NAMESPACE:
            await self._make_namespace()
            reply = await self._put(CONFIG_MAPS, key, body)
        self._expect(reply, key)

    async def _make_namespace(self) -> None:
        key = ids.ObjectKey("", "Namespace", "", self._namespace)
        body: document.Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace}}
        self._expect(await self._put(NAMESPACES, key, body), key)

    async def _put(self, resource: live.ResourceType, key: ids.ObjectKey, body: object) -> replies.Reply:
        """By force: a record that somebody edited is ours all the same. The caller has looked whose it is."""
        return await self._session.request(
            "PATCH",
            objects.path(resource, key.namespace, key.name),
            query={"fieldManager": anchors.MANAGER, "force": "true", "fieldValidation": "Strict"},
            body=document.encode(body),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )

    def _expect(self, reply: replies.Reply, key: ids.ObjectKey) -> None:
        if reply.ok:
            return
        refused = replies.refusal(reply, key)
        about = f"{key}, which the reconciler needs for its target records, cannot be written"
        raise _refused(refused.status, f"{about} ({refused.status}): {refused.message}")

    def _key(self, target: ids.TargetKey) -> ids.ObjectKey:
        return ids.ObjectKey("", "ConfigMap", self._namespace, anchors.name_of(target))


def _refused(status: int, because: str) -> errors.ReconcilerError:
    return errors.Forbidden(because) if status == 403 else errors.Terminal(because)
