"""`ports.Cluster` over one Kubernetes API server."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence

from reconciler import ports
from reconciler.edges.kubernetes import (
    calls,
    checks,
    credentials,
    discovery,
    following,
    looking,
    marked,
    plugins,
    reflecting,
    session,
    watching,
)
from reconciler.edges.kubernetes import records as target_records
from reconciler.edges.kubernetes import rights as access
from reconciler.model import ids, live, manifests, records, rights


async def connect(
    name: str,
    *,
    kubeconfig: str = "",
    context: str = "",
    allowed: plugins.Allowed | None = None,
    later: bool = False,
    namespace_for_records: str = "reconciler",
    timeouts: session.Timeouts | None = None,
) -> "KubernetesCluster":
    """The cluster called `name`, by a kubeconfig file, or by the pod's service account without one.

    Reads credentials and sends nothing: a server that is down makes each call `errors.Transient` until it is there.
    `allowed`: exec plugins of the kubeconfig may be started, which is done with the first request. `later`: also read
    credentials then; each call is Transient as long as they cannot be used. Raises `errors.Terminal` when they cannot
    be. Close it.
    """
    source = credentials.Source(kubeconfig, context, allowed)
    trusted = None if later or await credentials.check(source) else await credentials.load(source)
    opened = session.Session(name, source, trusted=trusted, timeouts=timeouts or session.Timeouts())
    return KubernetesCluster(opened, namespace_for_records=namespace_for_records)


class KubernetesCluster:
    """Every method is documented at `ports.Cluster`. Made by `connect`."""

    def __init__(self, opened: session.Session, *, namespace_for_records: str) -> None:
        self._session = opened
        self._owned = True
        self._served = discovery.Discovery(opened)
        self._ability, its_rights = reflecting.Ability(), access.Rights(opened)
        self._calls = calls.Calls(opened, self._served)
        self._see(opened, its_rights)
        self._records = target_records.Records(opened, namespace_for_records)
        self._checks = checks.Checks(
            opened,
            self._served,
            its_rights=its_rights,
            namespace_for_records=namespace_for_records,
        )

    def _see(self, opened: session.Session, its_rights: access.Rights) -> None:
        """Look at objects through this session, with the rights that it has."""
        self._objects = opened
        self._rights = its_rights
        self._watching = watching.Watching(opened, self._served, its_rights=its_rights, ability=self._ability)
        self._following = following.Following(opened, self._served, ability=self._ability)
        self._looking = looking.Looking(opened, self._served)

    def seen_as(self, identity: session.Identity) -> "KubernetesCluster":
        """The same cluster as that user sees it: all that is asked about objects, watches and reviews of rights
        included, is asked as the user. Discovery and target records stay ours. Close it before the cluster itself,
        which goes on."""
        other = copy.copy(self)
        other._owned = False
        opened = self._session.acting_as(identity)
        other._calls = self._calls.acting_as(opened)
        other._see(opened, access.Rights(opened))
        return other

    @property
    def name(self) -> str:
        return self._session.cluster

    async def facts(self, *, fresh: bool = False) -> live.ClusterFacts:
        """Read afresh, also whatever watch waits for its kind tries at once."""
        found = await self._served.facts(fresh=fresh)
        if fresh:
            self._watching.poke()
            self._following.poke()
        return found

    async def read(self, key: ids.ObjectKey) -> live.LiveObject | None:
        return await self._calls.read(key)

    async def dry_run(self, manifest: manifests.Manifest, *, force: bool) -> live.Applied | live.Refused:
        return await self._calls.apply(manifest, force=force, dry_run=True)

    async def apply(self, manifest: manifests.Manifest, *, operation: str, force: bool) -> live.Applied | live.Refused:
        return await self._calls.apply(manifest, force=force, operation=operation)

    async def delete(
        self,
        key: ids.ObjectKey,
        *,
        uid: str,
        operation: str,
        propagation: live.Propagation = live.Propagation.BACKGROUND,
    ) -> live.Deleted | live.Refused:
        return await self._calls.delete(key, uid=uid, operation=operation, propagation=propagation)

    async def hand_over(
        self, key: ids.ObjectKey, handover: live.Handover, *, operation: str
    ) -> live.Applied | live.Refused:
        return await self._calls.hand_over(key, handover, operation=operation)

    async def watch(self, wanted: Iterable[ports.Wanted]) -> None:
        await self._watching.want(wanted)

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        return self._watching.meta(key)

    async def unwatch(self) -> None:
        await self._watching.close()

    def listen(
        self, heard: Callable[[ports.Seen], None], *, lost: Callable[[ports.Lost], None] = lambda lost: None
    ) -> None:
        self._watching.listen(heard, lost)

    async def follow(self, target: ids.TargetKey, wanted: Iterable[ports.Wanted], *, woken: Callable[[], None]) -> None:
        await self._following.follow(target, wanted, woken=woken)

    async def unfollow(self, target: ids.TargetKey) -> None:
        await self._following.unfollow(target)

    def followed(self, target: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        return self._following.followed(target)

    async def read_record(self, target: ids.TargetKey) -> records.TargetRecord | None:
        return await self._records.read(target)

    async def read_records(self) -> tuple[records.TargetRecord, ...]:
        return await self._records.all()

    async def marked(self, namespaces: Sequence[str]) -> live.Marked:
        return await marked.find(self._objects, await self.facts(fresh=True), namespaces=namespaces)

    async def every(self, kind: ids.KindKey, namespace: str) -> tuple[live.LiveObject, ...]:
        return await self._looking.every(kind, namespace)

    async def happenings(self, about: live.LiveMeta) -> tuple[live.Happening, ...]:
        return await self._looking.happenings(about)

    async def tail(self, pod: ids.ObjectKey, *, container: str, previous: bool, lines: int) -> live.Tail:
        return await self._looking.tail(pod, container=container, previous=previous, lines=lines)

    async def write_record(self, record: records.TargetRecord) -> None:
        await self._records.write(record)

    async def check(self) -> tuple[ports.Finding, ...]:
        return await self._checks.findings()

    async def rights(self, needed: Sequence[rights.Need]) -> rights.Rights:
        return await self._rights.answer(needed, self._served)

    async def close(self) -> None:
        """End the watches, then the connections, if they are not another's."""
        await self._watching.close()
        await self._following.close()
        if self._owned:
            await self._session.close()
