"""Calls about single objects: read, dry-run, apply, delete."""

import random
from dataclasses import replace

import orjson

from reconciler import errors
from reconciler.edges.kubernetes import discovery, objects, replies, session, window
from reconciler.model import document, ids, live, manifests, metadata

ATTEMPTS = 5
"""For a call that was refused with 429, which was never executed:
https://kubernetes.io/docs/concepts/cluster-administration/flow-control/"""
LONGEST_WAIT = 10.0
"""Seconds. A server that asks for more is left to the caller's back-off."""
JITTER = 0.25
"""Share of the asked wait that is added by chance, so that the window's requests do not return as one."""


class Calls:
    def __init__(
        self, opened: session.Session, served: discovery.Discovery, *, its_window: window.Window | None = None
    ) -> None:
        """`its_window`: one for all who call the same server."""
        self._session = opened
        self._served = served
        self._window = its_window or window.Window()

    def acting_as(self, opened: session.Session) -> "Calls":
        """The same calls through another session with the server."""
        return Calls(opened, self._served, its_window=self._window)

    async def read(self, key: ids.ObjectKey) -> live.LiveObject | None:
        """As `ports.Cluster.read`."""
        resource = await self._served.preferred(key.kind_key)
        if resource is None:
            raise errors.Terminal(f"{key}: the cluster {self._session.cluster} does not serve this kind")
        reply = await self._send("GET", objects.path(resource, key.namespace, key.name), key=key)
        if reply.ok:
            return live.LiveObject(metadata.meta(reply.document(), key.kind_key), reply.body)
        refused = replies.refusal(reply, key)
        if refused.status == 404 and refused.why is not live.Why.NO_KIND:
            return None
        if refused.status == 404:
            await self._served.facts(fresh=True)  # a CRD that was just deleted: the next plan knows
            raise errors.Terminal(f"{key}: the cluster {self._session.cluster} does not serve this kind any more")
        because = f"{key} cannot be read ({refused.status}): {refused.message}"
        raise errors.Forbidden(because) if refused.why is live.Why.NO_RIGHT else errors.Terminal(because)

    async def apply(
        self, manifest: manifests.Manifest, *, force: bool, operation: str = "", dry_run: bool = False
    ) -> live.Applied | live.Refused:
        """Server-side apply. `operation` '' sends no Audit-ID: a dry-run is no counted call."""
        key = manifest.key
        resource = await self._served.find(manifest.api_version, key.kind)
        if resource is None:
            because = f"the cluster does not serve {key.kind} in {manifest.api_version}"
            return live.Refused(key, live.Why.NO_KIND, because, status=404)
        if resource.namespaced != bool(key.namespace):
            wanted = "needs a namespace" if resource.namespaced else "is cluster-scoped and has no namespace"
            return live.Refused(key, live.Why.INVALID, f"{key.kind} {wanted}", status=400)
        query = {"fieldManager": metadata.MANAGER, "fieldValidation": "Strict"}
        query |= {"force": "true"} if force else {}
        query |= {"dryRun": "All"} if dry_run else {}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        headers |= {"Audit-ID": operation} if operation else {}
        reply = await self._send(
            "PATCH",
            objects.path(resource, key.namespace, key.name),
            key=key,
            query=query,
            body=manifest.body,
            headers=headers,
            seconds=self._session.timeouts.dry_run if dry_run else None,
        )
        if not reply.ok:
            return replies.refusal(reply, key, manifest=manifest)
        found = live.LiveObject(metadata.meta(reply.document(), key.kind_key), reply.body)
        return live.Applied(found, reply.status == 201, replies.warnings(reply, manifest))

    async def delete(
        self, key: ids.ObjectKey, *, uid: str, operation: str, propagation: live.Propagation
    ) -> live.Deleted | live.Refused:
        """As `ports.Cluster.delete`. Another object of the same name: refused with UID_CHANGED."""
        resource = await self._served.preferred(key.kind_key)
        if resource is None:
            # Not "gone": a CRD whose versions are all switched off hides its objects and keeps them.
            because = f"the cluster {self._session.cluster} does not serve {key.kind_key}"
            return live.Refused(key, live.Why.NO_KIND, because, status=404)
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": propagation.value,  # without one, Jobs keep their pods
        }
        reply = await self._send(
            "DELETE",
            objects.path(resource, key.namespace, key.name),
            key=key,
            body=document.encode(options),
            headers={"Content-Type": "application/json", "Audit-ID": operation},
        )
        if not reply.ok:
            refused = replies.refusal(reply, key)
            gone = refused.status == 404 and refused.why is not live.Why.NO_KIND
            return live.Deleted(key, gone=True) if gone else refused
        found = reply.document()
        if document.text(found, "kind") == "Status":
            return live.Deleted(key, gone=True)
        return live.Deleted(key, gone=False, finalizers=metadata.finalizers(found))

    async def hand_over(
        self, key: ids.ObjectKey, handover: live.Handover, *, operation: str
    ) -> live.Applied | live.Refused:
        """As `ports.Cluster.hand_over`: a JSON patch, so that the right to patch is enough."""
        resource = await self._served.preferred(key.kind_key)
        if resource is None:
            because = f"the cluster {self._session.cluster} does not serve {key.kind_key}"
            return live.Refused(key, live.Why.NO_KIND, because, status=404)
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": handover.uid},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": handover.resource_version},
            {"op": "add", "path": "/metadata/annotations", "value": dict(handover.annotations)},
            {"op": "add", "path": "/metadata/labels", "value": dict(handover.labels)},
            {"op": "add", "path": "/metadata/managedFields", "value": orjson.loads(handover.managed_fields)},
        ]
        reply = await self._send(
            "PATCH",
            objects.path(resource, key.namespace, key.name),
            key=key,
            query={"fieldManager": metadata.MANAGER},
            body=document.encode(patch),
            headers={"Content-Type": "application/json-patch+json", "Audit-ID": operation},
        )
        if reply.ok:
            return live.Applied(live.LiveObject(metadata.meta(reply.document(), key.kind_key), reply.body), False)
        refused = replies.refusal(reply, key)
        if refused.status == 422 and not refused.fields:
            return replace(refused, why=live.Why.STALE)  # the test of the UID failed
        return refused

    async def _send(
        self,
        method: str,
        path: str,
        *,
        key: ids.ObjectKey,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        seconds: float | None = None,
    ) -> replies.Reply:
        """One request within the window, repeated after a 429 and after nothing else.

        Raises `errors.Transient`; of a write its outcome is unknown then, except after a 429 or when the server could
        not be reached.
        """
        for _ in range(ATTEMPTS):
            async with self._window.slot() as slot:
                try:
                    reply = await self._session.request(
                        method, path, query=query, body=body, headers=headers, seconds=seconds
                    )
                except errors.Transient as error:
                    raise errors.Transient(f"{key}: {error}", retry_after=error.retry_after) from error
                if reply.status != 429 or replies.denied(reply):
                    return reply
                asked = 1.0 if reply.retry_after is None else reply.retry_after
                slot.refused_for = min(asked, LONGEST_WAIT) * (1 + JITTER * random.random())  # noqa: S311 - no secret
            if asked > LONGEST_WAIT:
                break
        return reply
