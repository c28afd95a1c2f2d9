"""The metadata watches of a cluster: one for each kind where the rights reach all namespaces, else one a namespace."""

import asyncio
from collections.abc import Callable, Iterable

from reconciler import errors, ports
from reconciler.edges.kubernetes import discovery, reflecting, rights, session
from reconciler.model import ids, live

Span = tuple[ids.KindKey, str]
"""A kind and the namespace that one watch covers; '': all."""


class Watching:
    def __init__(
        self,
        opened: session.Session,
        served: discovery.Discovery,
        *,
        its_rights: rights.Rights,
        ability: reflecting.Ability,
    ) -> None:
        self._session, self._served, self._rights, self._ability = opened, served, its_rights, ability
        self._held: dict[Span, reflecting.Reflector[live.LiveMeta]] = {}
        self._wide: dict[ids.KindKey, bool] = {}
        self._asked: set[ports.Wanted] = set()
        self._listeners: list[tuple[Callable[[ports.Seen], None], Callable[[ports.Lost], None]]] = []
        self._changing = asyncio.Lock()

    def listen(self, heard: Callable[[ports.Seen], None], lost: Callable[[ports.Lost], None]) -> None:
        self._listeners.append((heard, lost))

    async def want(self, wanted: Iterable[ports.Wanted]) -> None:
        """Watch these from now on, beside what is watched already: each target asks for its own.

        Raises `errors.Transient` when one has no first list in time; all go on trying. Where a right on all namespaces
        was taken away, that in single ones may be left.
        """
        asked = tuple(wanted)
        self._asked.update(asked)
        held = await self._opened(asked)
        try:
            await self._settled(held)
        except errors.Forbidden:
            narrower = await self._opened(asked)
            if narrower == held:
                raise
            await self._settled(narrower)

    async def _opened(self, wanted: Iterable[ports.Wanted]) -> list[reflecting.Reflector[live.LiveMeta]]:
        async with self._changing:
            spans = {await self._span(kind, namespace) for kind, namespace in wanted}
            for kind in {kind for kind, namespace in spans if namespace}:
                wide = self._held.get((kind, ""))
                if wide is not None and wide.forbidden and not wide.settled:
                    await self._held.pop((kind, "")).close()
                    # Whoever rests has no pass that would ask again: its namespace is watched on as well.
                    self._open({span for span in self._asked if span[0] == kind and span[1]})
            self._open(spans)
            return [self._held[span] for span in sorted(spans)]

    def _open(self, spans: set[Span]) -> None:
        for kind, namespace in spans - self._held.keys():
            self._held[kind, namespace] = self._reflector(kind, namespace)

    async def _settled(self, held: list[reflecting.Reflector[live.LiveMeta]]) -> None:
        limit = self._session.timeouts.first_list
        try:
            async with asyncio.timeout(limit):
                for reflector in held:
                    await reflector.until_settled()
        except TimeoutError as error:
            late = ", ".join(reflector.what for reflector in held if not reflector.settled)
            raise errors.Transient(f"no first list within {limit:g} s of {late}") from error
        except errors.Transient:
            self._wide.clear()  # our rights may have changed: ask again next time
            raise

    def meta(self, key: ids.ObjectKey) -> live.LiveMeta | None:
        """As `ports.Cluster.meta`."""
        because = "no watch covers it"
        for namespace in dict.fromkeys(("", key.namespace)):
            reflector = self._held.get((key.kind_key, namespace))
            if reflector is None:
                continue
            if reflector.settled:
                return reflector.held.get(key)
            because = f"the watch of {reflector.what} is not in sync: {reflector.because}"
        raise errors.Transient(f"{key}: {because}")

    def poke(self) -> None:
        """Try at once whatever waits: what the cluster serves was read again."""
        for reflector in self._held.values():
            if not reflector.settled or reflector.state is reflecting.State.NOT_SERVED:
                reflector.poke()

    async def close(self) -> None:
        """End them all. Whoever asks again has new ones."""
        self._listeners.clear()
        async with self._changing:
            held, self._held = self._held, {}
            self._asked.clear()
            self._wide.clear()
            for reflector in held.values():
                await reflector.close()

    async def _span(self, kind: ids.KindKey, namespace: str) -> Span:
        """Ask for the whole cluster first: one watch a kind however many namespaces there are."""
        if not namespace:
            return kind, ""
        if kind not in self._wide:
            resource = await self._served.preferred(kind)
            if resource is None:
                return kind, namespace
            missing = await self._rights.missing(("list", "watch"), resource, namespace="")
            self._wide[kind] = not missing or not resource.namespaced
        return kind, "" if self._wide[kind] else namespace

    def _reflector(self, kind: ids.KindKey, namespace: str) -> reflecting.Reflector[live.LiveMeta]:
        return reflecting.Reflector(
            self._session,
            self._served,
            kind=kind,
            namespace=namespace,
            shape=reflecting.METADATA,
            ability=self._ability,
            changed=self._tell,
            lost=lambda because: self._tell_lost(ports.Lost(self._session.cluster, kind, namespace, because)),
        )

    def _tell(self, meta: live.LiveMeta, gone: bool) -> None:
        seen = ports.Seen(self._session.cluster, meta, gone)
        for heard, _ in tuple(self._listeners):
            heard(seen)

    def _tell_lost(self, loss: ports.Lost) -> None:
        for _, lost in tuple(self._listeners):
            lost(loss)
