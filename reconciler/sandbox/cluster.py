"""`ports.Cluster` over the objects of a sandbox, with no HTTP in between."""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors, ports
from reconciler.model import anchors, document, ids, live, manifests, metadata, records, rights
from reconciler.sandbox import objects, watching


@dataclass(frozen=True, slots=True)
class Call:
    """One counted call (I1) and what was answered."""

    operation: str
    verb: records.Verb
    key: ids.ObjectKey
    reply: live.Applied | live.Deleted | live.Refused


class SandboxCluster:
    """Every method is documented at `ports.Cluster`. `calls`: the counted ones, oldest first."""

    def __init__(self, name: str, kept: objects.Objects, *, namespace_for_records: str = "reconciler") -> None:
        self.calls: list[Call] = []
        self._name, self._objects = name, kept
        self._records = namespace_for_records
        self.watches = watching.Watching(name, kept)

    @property
    def name(self) -> str:
        return self._name

    async def facts(self, *, fresh: bool = False) -> live.ClusterFacts:
        return self._objects.served.facts()

    async def read(self, key: ids.ObjectKey) -> live.LiveObject | None:
        self._served(key)
        self.watches.arrange()
        found = self._objects.get(key)
        return self.watches.shown(found) if found else None

    async def dry_run(self, manifest: manifests.Manifest, *, force: bool) -> live.Applied | live.Refused:
        return self._objects.apply(manifest.document(), manager=metadata.MANAGER, force=force, dry_run=True)

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        reply = self._objects.apply(manifest.document(), manager=metadata.MANAGER, force=force)
        self.calls.append(Call(operation, records.Verb.APPLY, manifest.key, reply))
        self.watches.arrange()
        return reply

    async def delete(
        self,
        key: ids.ObjectKey,
        *,
        uid: str,
        operation: str,
        propagation: live.Propagation = live.Propagation.BACKGROUND,
    ) -> live.Deleted | live.Refused:
        if self._objects.served.preferred(key.kind_key) is None:
            because = f"the cluster {self._name} does not serve {key.kind_key}"
            return live.Refused(key, live.Why.NO_KIND, because, status=404)
        reply = self._objects.delete(key, uid=uid, propagation=propagation.value) or live.Deleted(key, gone=True)
        self.calls.append(Call(operation, records.Verb.DELETE, key, reply))
        self.watches.arrange()
        return reply

    async def hand_over(
        self, key: ids.ObjectKey, handover: live.Handover, *, operation: str
    ) -> live.Applied | live.Refused:
        def change(body: document.Json) -> None:
            its = document.mapping(body, "metadata")
            its["annotations"], its["labels"] = dict(handover.annotations), dict(handover.labels)
            its["managedFields"] = json.loads(handover.managed_fields)

        found = self._objects.get(key)
        read = (handover.uid, handover.resource_version)
        reply: live.Applied | live.Refused = live.Refused(key, live.Why.STALE, "it has changed since", status=409)
        if found and (found.uid, document.text(found.metadata, "resourceVersion")) == read:
            result = self._objects.update(key, change, manager=metadata.MANAGER)
            if isinstance(result, objects.Stored):
                shown = live.LiveObject(metadata.meta(result.body, key.kind_key), document.encode(result.body))
                reply = live.Applied(shown, created=False)
            elif result is not None:
                reply = result
        self.calls.append(Call(operation, records.Verb.HAND_OVER, key, reply))
        self.watches.arrange()
        return reply

    async def watch(self, wanted: Iterable[ports.Wanted]) -> None:
        self.watches.want(wanted)

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        return self.watches.meta(key)

    async def unwatch(self) -> None:
        self.watches.unwatch()

    def listen(
        self, heard: Callable[[ports.Seen], None], *, lost: Callable[[ports.Lost], None] = lambda lost: None
    ) -> None:
        self.watches.listen(heard, lost)

    async def follow(self, target: ids.TargetKey, wanted: Iterable[ports.Wanted], *, woken: Callable[[], None]) -> None:
        self.watches.follow(target, wanted, woken=woken)

    async def unfollow(self, target: ids.TargetKey) -> None:
        self.watches.unfollow(target)

    def followed(self, target: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        return self.watches.followed(target)

    async def read_record(self, target: ids.TargetKey) -> records.TargetRecord | None:
        """Raises `errors.Terminal` when it cannot be understood."""
        key = self._record_key(target)
        found = self._objects.get(key)
        if found is None:
            return None
        try:
            return anchors.parse(document.mapping(found.body, "data"))
        except ValueError as error:
            raise errors.Terminal(f"the target record {key} cannot be understood: {error}") from error

    async def read_records(self) -> tuple[records.TargetRecord, ...]:
        found = []
        for kept in self._objects.of_kind(ids.KindKey("", "ConfigMap"), self._records):
            if anchors.SELECTOR in document.mapping(kept.body, "metadata", "labels"):
                with contextlib.suppress(ValueError):
                    found.append(anchors.parse(document.mapping(kept.body, "data")))
        return tuple(found)

    async def marked(self, namespaces: Sequence[str]) -> live.Marked:
        kinds = sorted({served.kind for served in self._objects.served.facts().types})
        every = (self.watches.meta_of(kept) for kind in kinds for kept in self._objects.of_kind(kind))
        return live.Marked(tuple(meta for meta in every if meta.owner() is not None), ())

    async def every(self, kind: ids.KindKey, namespace: str) -> tuple[live.LiveObject, ...]:
        if self._objects.served.preferred(kind) is None:
            raise errors.Terminal(f"the cluster {self._name} does not serve {kind}")
        self.watches.arrange()
        return tuple(self.watches.shown(found) for found in self._objects.of_kind(kind, namespace))

    async def happenings(self, about: live.LiveMeta) -> tuple[live.Happening, ...]:
        raise errors.Terminal(f"{self._name}, a cluster inside this process, keeps no events")

    async def tail(self, pod: ids.ObjectKey, *, container: str, previous: bool, lines: int) -> live.Tail:
        raise errors.Terminal(f"{self._name}, a cluster inside this process, runs no containers: there are no logs")

    async def write_record(self, record: records.TargetRecord) -> None:
        key = self._record_key(record.target)
        its: document.Json = {
            "name": key.name,
            "namespace": key.namespace,
            "labels": dict(anchors.LABELS),
        }
        data: document.Json = dict(anchors.fields(record))
        body: document.Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": its, "data": data}
        reply = self._objects.apply(body, manager=anchors.MANAGER, force=True)
        if isinstance(reply, live.Refused) and reply.why is live.Why.NO_NAMESPACE:
            space: document.Json = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": key.namespace}}
            self._objects.apply(space, manager=anchors.MANAGER, force=True)
            reply = self._objects.apply(body, manager=anchors.MANAGER, force=True)
        if isinstance(reply, live.Refused):
            raise errors.Terminal(f"{key}, a target record, cannot be written ({reply.status}): {reply.message}")
        self.watches.arrange()

    async def check(self) -> tuple[ports.Finding, ...]:
        version = self._objects.served.facts().version
        return (ports.Finding("API server", True, f"a cluster inside this process, as Kubernetes {version}"),)

    async def rights(self, needed: Sequence[rights.Need]) -> rights.Rights:
        """Nobody is forbidden anything in here."""
        served = ((need, self._objects.served.preferred(need.kind)) for need in needed)
        answers = tuple(rights.Answer(need, its.plural if its else "", ()) for need, its in served)
        return rights.Rights("whoever runs the sandbox", answers)

    async def close(self) -> None:
        """Its watches end."""
        self.watches.close()

    def _served(self, key: ids.ObjectKey) -> None:
        if self._objects.served.preferred(key.kind_key) is None:
            raise errors.Terminal(f"{key}: the cluster {self._name} does not serve this kind")

    def _record_key(self, target: ids.TargetKey) -> ids.ObjectKey:
        return ids.ObjectKey("", "ConfigMap", self._records, anchors.name_of(target))


FULFILS: type[ports.Cluster] = SandboxCluster  # here the type checker names what the port has and this class lacks
