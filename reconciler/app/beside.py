"""A world beside the daemon's: the same edges, for commands that only look. Nothing of the daemon's is touched."""

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from reconciler import errors, ports
from reconciler.app import composing, opening, renderers, sandboxes
from reconciler.edges import probing, sops, system
from reconciler.edges.cel import expressions
from reconciler.edges.git import place, repository
from reconciler.edges.journal import journal as sql_journal
from reconciler.pipeline import world
from reconciler.settings import cluster as cluster_settings
from reconciler.settings import deployment


@dataclass(frozen=True, slots=True)
class Beside:
    """`unreachable`: clusters that cannot be connected to, and why; they are missing in the world."""

    here: world.World
    unreachable: Mapping[str, str]


def there_is_a_journal(its: deployment.Deployment) -> bool:
    return pathlib.Path(its.journal_path).exists()


@contextlib.asynccontextmanager
async def journal_or_none(its: deployment.Deployment) -> AsyncIterator[tuple[sql_journal.SqlJournal, bool]]:
    """The journal, read-only, and False; where there is none yet, an empty one of our own and True."""
    if there_is_a_journal(its):
        async with opening.open_journal(its, read_only=True) as journal:
            yield journal, False
        return
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        empty = its.model_copy(update={"state_dir": folder})
        async with opening.open_journal(empty) as journal:
            yield journal, True


@contextlib.asynccontextmanager
async def build(
    its: deployment.Deployment,
    journal: ports.Journal,
    *,
    ref: str = "",
    clusters: bool = True,
    models: sandboxes.Sandboxes | None = None,
) -> AsyncIterator[Beside]:
    """The edges of these settings. `ref`: look at this full ref or commit, in place of the pinned ref. A cluster that
    cannot be connected to is left out and named; without `clusters` all of them are left out. Sandboxes are empty ones
    of `models`; without it they are the daemon's, and cannot be connected to."""
    async with contextlib.AsyncExitStack() as closing:
        its_renderers = renderers.Renderers(its)
        closing.push_async_callback(its_renderers.close)
        its_expressions = expressions.Cel()
        closing.push_async_callback(its_expressions.close)
        repositories = {}
        for name, wanted in its.repositories.items():
            repositories[name] = _repository(place_beside(name, wanted, its), ref)
            closing.push_async_callback(repositories[name].close)
        connected, unreachable = await _connect(
            its, its.clusters if clusters else {}, closing.push_async_callback, models=models
        )
        seen = composing.views(its, connected)
        for view in seen.values():
            closing.push_async_callback(view.cluster.close)
        here = world.World(
            clock=system.SystemClock(),
            chance=system.SystemChance(),
            journal=journal,
            renderer=its_renderers,
            opener=sops.Sops(composing.key_files(its)),
            prober=probing.HttpProber(),
            expressions=its_expressions,
            repositories=repositories,
            clusters=connected,
            settings=its,
            epoch=0,
            heard=lambda event: None,
            adjust=fixed,
            views={name: view.cluster for name, view in seen.items()},
        )
        yield Beside(here, unreachable)


async def _connect(
    its: deployment.Deployment,
    wanted: Mapping[str, cluster_settings.Cluster],
    closing: Callable[[Callable[[], Awaitable[None]]], object],
    *,
    models: sandboxes.Sandboxes | None,
) -> tuple[dict[str, composing.Connected], dict[str, str]]:
    connected: dict[str, composing.Connected] = {}
    unreachable: dict[str, str] = {}
    for name, cluster in wanted.items():
        try:
            connected[name] = await composing.connect(name, cluster, its, models=models)
        except errors.ReconcilerError as error:
            unreachable[name] = str(error)
        else:
            closing(connected[name].close)
    return connected, unreachable


async def fixed(changed: deployment.Deployment) -> None:
    """A command ends before settings change."""


def place_beside(name: str, wanted: deployment.Repository, its: deployment.Deployment) -> place.Place:
    """The repository with a mirror that this user may write."""
    where = composing.place_of(name, wanted, its)
    return dataclasses.replace(where, mirror=renderers.state_beside(its) / "mirrors" / name)


class AtCommit(repository.GitRepository):
    """A repository as if its ref named this commit, which the ref must lead to."""

    def __init__(self, where: place.Place, revision: str) -> None:
        super().__init__(where)
        self._revision = revision

    async def head(self) -> str:
        return self._revision


def _repository(where: place.Place, ref: str) -> repository.GitRepository:
    if place.REVISION.fullmatch(ref):
        return AtCommit(where, ref)
    return repository.GitRepository(dataclasses.replace(where, ref=ref) if ref else where)
