"""Everything a pass may touch, in one place; made by the composition root."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from reconciler import ports
from reconciler.model import ids, records
from reconciler.settings import deployment


@dataclass(slots=True)
class World:
    """The ports, the present settings, and the epoch under which this process leads."""

    clock: ports.Clock
    chance: ports.Chance
    journal: ports.Journal
    renderer: ports.Renderer
    opener: ports.Opener
    prober: ports.Prober
    expressions: ports.Expressions
    repositories: Mapping[str, ports.Repository]
    clusters: Mapping[str, ports.Cluster]
    settings: deployment.Deployment
    epoch: int
    heard: Callable[[records.Event], None]
    """Listeners of events (log, metrics): called after the journal has them, and unable to change anything."""

    adjust: Callable[[deployment.Deployment], Awaitable[None]]
    """Make `settings`, `repositories`, `clusters` and `views` those of new settings."""

    views: Mapping[str, ports.Cluster] = field(default_factory=dict)
    """Environment → its cluster as whoever it acts as sees it; only of those that impersonate somebody."""

    def at(self) -> str:
        """The wall clock as RFC 3339, for journal and people."""
        return self.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def cluster_of(self, key: ids.TargetKey) -> ports.Cluster:
        """For everything that concerns the target's objects: with the rights of whoever its environment acts as."""
        return self.cluster_in(key.environment)

    def cluster_in(self, environment: str) -> ports.Cluster:
        view = self.views.get(environment)
        return view or self.clusters[self.settings.environments[environment].cluster]

    def records_of(self, key: ids.TargetKey) -> ports.Cluster:
        """Where the target's record lies: its cluster, with the daemon's own rights whoever its environment acts as."""
        return self.clusters[self.settings.environments[key.environment].cluster]

    def repository_of(self, key: ids.TargetKey) -> ports.Repository:
        return self.repositories[self.repository_name(key)]

    def repository_name(self, key: ids.TargetKey) -> str:
        """Its repository, as the daemon's settings call it."""
        return self.settings.environments[key.environment].repository

    def event(
        self, kind: records.EventKind, because: str, *, target: ids.TargetKey | None = None, **data: str
    ) -> records.Event:
        return records.Event(kind, self.at(), because, target, tuple(sorted(data.items())))

    async def write(self, ledger: records.Ledger, *events: records.Event) -> records.Ledger:
        """Make `ledger` and `events` durable, then tell the listeners."""
        await self.journal.write(ledger, events=events, epoch=self.epoch)
        for event in events:
            self.heard(event)
        return ledger

    async def append(self, *events: records.Event) -> None:
        await self.journal.append(events, epoch=self.epoch)
        for event in events:
            self.heard(event)
