"""Full watches for targets that roll out or are observed, shared between targets, gone with the last of them."""

from collections.abc import Callable, Iterable, Mapping

from reconciler import errors, ports
from reconciler.edges.kubernetes import discovery, reflecting, session
from reconciler.model import ids, live

Woken = Callable[[], None]


class Shared:
    """One watch and who is woken by it."""

    def __init__(self, make: Callable[["Shared"], reflecting.Reflector[live.LiveObject]]) -> None:
        self.followers: dict[ids.TargetKey, Woken] = {}
        self.reflector = make(self)

    def wake(self) -> None:
        for woken in tuple(self.followers.values()):
            woken()


class Following:
    def __init__(self, opened: session.Session, served: discovery.Discovery, *, ability: reflecting.Ability) -> None:
        self._session, self._served, self._ability = opened, served, ability
        self._shared: dict[ports.Wanted, Shared] = {}

    async def follow(self, target: ids.TargetKey, wanted: Iterable[ports.Wanted], *, woken: Woken) -> None:
        """As `ports.Cluster.follow`; returns before the first lists arrive, each of which wakes the target."""
        chosen = set(wanted)
        for span in chosen:
            if span not in self._shared:
                self._shared[span] = Shared(self._maker(*span))
            self._shared[span].followers[target] = woken
        await self._leave(target, keep=chosen)

    async def unfollow(self, target: ids.TargetKey) -> None:
        await self._leave(target, keep=set())

    def followed(self, target: ids.TargetKey) -> Mapping[ids.ObjectKey, live.LiveObject]:
        """As `ports.Cluster.followed`."""
        found: dict[ids.ObjectKey, live.LiveObject] = {}
        for shared in self._shared.values():
            if target not in shared.followers:
                continue
            reflector = shared.reflector
            if not reflector.settled:
                because = f"{target}: the watch of {reflector.what} is not in sync: {reflector.because}"
                raise errors.Forbidden(because) if reflector.forbidden else errors.Transient(because)
            found |= reflector.held
        return found

    def poke(self) -> None:
        """Try at once whatever waits."""
        for shared in self._shared.values():
            if shared.reflector.state is not reflecting.State.IN_SYNC:
                shared.reflector.poke()

    async def close(self) -> None:
        shared, self._shared = self._shared, {}
        for one in shared.values():
            await one.reflector.close()

    async def _leave(self, target: ids.TargetKey, *, keep: set[ports.Wanted]) -> None:
        left = [span for span, shared in self._shared.items() if target in shared.followers and span not in keep]
        empty = []
        for span in left:
            del self._shared[span].followers[target]
            if not self._shared[span].followers:
                empty.append(self._shared.pop(span))
        for shared in empty:
            await shared.reflector.close()

    def _maker(self, kind: ids.KindKey, namespace: str) -> Callable[[Shared], reflecting.Reflector[live.LiveObject]]:
        return lambda shared: reflecting.Reflector(
            self._session,
            self._served,
            kind=kind,
            namespace=namespace,
            shape=reflecting.WHOLE,
            ability=self._ability,
            changed=lambda _, __: shared.wake(),
            moved=shared.wake,
        )
