"""Composition root: what a command of `cli/` calls, put together from settings, edges and daemon."""

import asyncio
import contextlib
import logging
import pathlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from reconciler import errors, ports
from reconciler.app import opening, renderers, runtime, sandboxes
from reconciler.daemon import beats, metrics, run
from reconciler.edges import probing, settings_files, sops, system
from reconciler.edges.cel import expressions
from reconciler.edges.git import place, repository, signers, ssh
from reconciler.edges.kubernetes import cluster as kubernetes_cluster
from reconciler.edges.kubernetes import plugins
from reconciler.edges.kubernetes import session as kubernetes_session
from reconciler.model import ids, outcomes, records
from reconciler.pipeline import telling, world
from reconciler.settings import cluster, deployment, impersonation, trust
from reconciler.web import server, webhook

log = logging.getLogger("reconciler")

LEVELS = {
    records.EventKind.PAGE: logging.ERROR,
    records.EventKind.REVERT_FAILED: logging.ERROR,
    records.EventKind.HELD: logging.WARNING,
    records.EventKind.ROLLOUT_FAILED: logging.WARNING,
    records.EventKind.SETTINGS_REJECTED: logging.WARNING,
}
"""How loud an event is in the log; the others are information."""


@contextlib.asynccontextmanager
async def build(
    its: deployment.Deployment,
    journal: ports.Journal,
    *,
    heard: Callable[[records.Event], None] = lambda event: None,
    models: sandboxes.Sandboxes | None = None,
) -> AsyncIterator[world.World]:
    """The edges of these settings behind their ports. Connects lazily: an outage is met when it is met.

    `models`: where clusters that are sandboxes are made, for a caller who wants to look into them, or who brings the
    clock and the chance of the whole world.
    """
    models = models or sandboxes.Sandboxes()
    its_renderers = renderers.Renderers(its)
    its_opener = sops.Sops(key_files(its))
    its_expressions = expressions.Cel()
    here = world.World(
        clock=models.clock,
        chance=models.chance,
        journal=journal,
        renderer=its_renderers,
        opener=its_opener,
        prober=_prober(its, models),
        expressions=its_expressions,
        repositories={},
        clusters={},
        settings=its,
        epoch=0,
        heard=heard,
        adjust=_unadjusted,
    )
    edges = Edges(here, its_opener, its_renderers, models=models)
    try:
        await edges.adjust(its)
        here.adjust = edges.adjust
        yield here
    finally:
        await edges.close()
        await its_renderers.close()
        await its_expressions.close()


class Edges:
    """Repositories and clusters of the present settings; a reload replaces those whose settings changed."""

    def __init__(
        self,
        here: world.World,
        opener: sops.Sops,
        its_renderers: renderers.Renderers,
        *,
        models: sandboxes.Sandboxes,
    ) -> None:
        self._here = here
        self._opener = opener
        self._renderers = its_renderers
        self._models = models
        self._repositories: dict[str, tuple[deployment.Repository, repository.GitRepository]] = {}
        self._clusters: dict[str, tuple[cluster.Cluster, Connected]] = {}
        self._views: dict[str, View] = {}
        self._unusable = 0

    async def adjust(self, its: deployment.Deployment) -> None:
        """Make the edges fit `its`; no pass may be under way, since edges that are no longer wanted are closed. Raises
        `errors.Terminal` for settings that cannot be used: nothing has changed then."""
        fresh: list[repository.GitRepository | Connected] = []
        before_views = list(self._views.values())
        before: list[repository.GitRepository | Connected] = []
        before += [edge for _, edge in self._repositories.values()]
        before += [edge for _, edge in self._clusters.values()]
        repositories, connections = {}, {}
        try:
            for name, wanted in its.repositories.items():
                known = self._repositories.get(name)
                if known is None or known[0] != wanted:
                    known = (wanted, repository.GitRepository(place_of(name, wanted, its)))
                    fresh.append(known[1])
                repositories[name] = known
            for name, wanted_cluster in its.clusters.items():
                connected = self._clusters.get(name)
                if connected is None or connected[0] != wanted_cluster:
                    connected = (wanted_cluster, await self._connect(name, wanted_cluster, its))
                    fresh.append(connected[1])
                connections[name] = connected
        except errors.Terminal:
            for edge in fresh:
                await edge.close()
            raise
        self._repositories, self._clusters = repositories, connections
        self._here.repositories = {name: edge for name, (_, edge) in repositories.items()}
        self._here.clusters = {name: edge for name, (_, edge) in connections.items()}
        self._views = views(its, self._here.clusters, known=self._views)
        self._here.views = {name: view.cluster for name, view in self._views.items()}
        if its.sandboxed is not self._here.settings.sandboxed:
            self._here.prober = _prober(its, self._models)
        self._here.settings = its
        self._models.adjust(its)
        self._opener.adjust(key_files(its))
        self._renderers.adjust(its)
        for view in before_views:
            if view.cluster not in self._here.views.values():
                await view.cluster.close()
        for edge in before:
            if edge not in self._here.repositories.values() and edge not in self._here.clusters.values():
                await edge.close()

    async def _connect(self, name: str, wanted: cluster.Cluster, its: deployment.Deployment) -> "Connected":
        """One of several clusters may be unusable when the daemon starts: it holds its own targets, not all. New
        settings that name such a one are refused while the old ones are there."""
        try:
            return await connect(name, wanted, its, models=self._models)
        except errors.Terminal:
            self._unusable += 1
            if self._clusters or self._unusable == len(its.clusters):
                raise
            return await connect(name, wanted, its, later=True)

    async def close(self) -> None:
        for _, opened in self._repositories.values():
            await opened.close()
        for view in self._views.values():
            await view.cluster.close()
        for _, connected in self._clusters.values():
            await connected.close()


def _prober(its: deployment.Deployment, models: sandboxes.Sandboxes) -> ports.Prober:
    return sandboxes.NoProber(models.clock) if its.sandboxed else probing.HttpProber()


def key_files(its: deployment.Deployment) -> dict[str, pathlib.Path]:
    """Environment → the file with its age key, for those that have one."""
    named = {name: limits.decryption.age_key_file for name, limits in its.environments.items()}
    return {name: pathlib.Path(path) for name, path in named.items() if path}


def place_of(name: str, wanted: deployment.Repository, its: deployment.Deployment) -> place.Place:
    """The repository as its edge knows it. Raises `errors.InvalidInput` for what settings cannot rule out."""
    credentials = None
    if wanted.credentials.password_file:
        username = "git"
        if wanted.credentials.username_file:
            username = settings_files.word(pathlib.Path(wanted.credentials.username_file))
        credentials = place.Credentials(username, pathlib.Path(wanted.credentials.password_file))
    ca_file = pathlib.Path(wanted.credentials.ca_file) if wanted.credentials.ca_file else None
    keys = None
    if wanted.credentials.private_key_file and wanted.credentials.known_hosts_file:
        keys = ssh.Keys(
            pathlib.Path(wanted.credentials.private_key_file),
            pathlib.Path(wanted.credentials.known_hosts_file),
            pathlib.Path(wanted.credentials.passphrase_file) if wanted.credentials.passphrase_file else None,
        )
    return place.Place.checked(
        name,
        url=wanted.url,
        ref=wanted.ref,
        mirror=pathlib.Path(its.state_dir) / "mirrors" / name,
        allow_local=wanted.allow_local,
        credentials=credentials,
        ca_file=ca_file,
        keys=keys,
        signatures=_signatures(wanted.signatures),
        author=(wanted.author.name, wanted.author.email),
        timeouts=place.Timeouts(fetch=wanted.timeout, push=wanted.timeout),
        limits=place.Limits(files=wanted.max_files, total_bytes=wanted.max_bytes),
    )


def _signatures(wanted: trust.Signatures) -> signers.Policy | None:
    if not wanted.required:
        return None

    def path(text: str | None) -> pathlib.Path | None:
        return pathlib.Path(text) if text else None

    return signers.Policy(
        allowed_signers=path(wanted.allowed_signers_file),
        revoked_keys=path(wanted.revoked_keys_file),
        gpg_keyring=path(wanted.gpg_keyring_file),
        signing_key=path(wanted.signing_key_file),
        trusted_commit=wanted.trusted_commit or "",
    )


class Connected(ports.Cluster, Protocol):
    """An edge, or a sandbox in its place."""

    async def close(self) -> None: ...


async def connect(
    name: str,
    wanted: cluster.Cluster,
    its: deployment.Deployment,
    *,
    models: sandboxes.Sandboxes | None = None,
    later: bool = False,
) -> Connected:
    """The cluster as the settings want it. Raises `errors.Terminal` for credentials that cannot be used, unless they
    are read `later`, and for a sandbox where there are no `models`: another process has it."""
    if wanted.sandbox:
        if models is None:
            raise errors.Terminal(sandboxes.ELSEWHERE)
        return models.connect(name, its)
    return await kubernetes_cluster.connect(
        name,
        kubeconfig=wanted.kubeconfig or "",
        context=wanted.context or "",
        allowed=plugins.Allowed(wanted.exec.timeout, wanted.exec.environment) if wanted.exec.allow else None,
        later=later,
        namespace_for_records=wanted.namespace,
        timeouts=kubernetes_session.Timeouts(call=its.timeouts.api, dry_run=its.timeouts.dry_run),
    )


@dataclass(frozen=True, slots=True)
class View:
    """A cluster as the user sees it whom an environment acts as; `of`: the connection that it is a view of."""

    of: ports.Cluster
    acts: impersonation.Impersonate
    cluster: Connected


def views(
    its: deployment.Deployment,
    clusters: Mapping[str, ports.Cluster],
    *,
    known: Mapping[str, View] = MappingProxyType({}),
) -> dict[str, View]:
    """Environment → view, of those that impersonate somebody; one for all that act as the same user in a cluster.
    `known` ones that still fit stay. Nobody has rights in a sandbox: it is seen as it is."""
    found: dict[str, View] = {}
    for name, limits in its.environments.items():
        connected = clusters.get(limits.cluster)
        if not limits.impersonate.acts or not isinstance(connected, kubernetes_cluster.KubernetesCluster):
            continue
        alike = [view for view in (*known.values(), *found.values()) if view.of is connected]
        view = next((view for view in alike if view.acts == limits.impersonate), None)
        if view is None:
            identity = kubernetes_session.Identity(limits.impersonate.name, limits.impersonate.groups)
            view = View(connected, limits.impersonate, connected.seen_as(identity))
        found[name] = view
    return found


async def _unadjusted(changed: deployment.Deployment) -> None:
    """Before the edges are built there is nothing to adjust."""


async def serve(config: pathlib.Path, *, stop: asyncio.Event, models: sandboxes.Sandboxes | None = None) -> None:
    """`reconciler run`: until `stop` is set. Raises what keeps a daemon from running. `models`: as for `build`."""
    file = settings_files.SettingsFile(config)
    its = file.read()
    await runtime.check(its)
    clock = system.SystemClock()
    its_beats, its_metrics = beats.Beats(clock), metrics.Metrics()

    def heard(event: records.Event) -> None:
        log.log(LEVELS.get(event.kind, logging.INFO), "%s", telling.line(event))
        its_metrics.heard(event)

    async with opening.open_journal(its) as journal, build(its, journal, heard=heard, models=models) as here:
        daemon = run.Daemon(here, its_beats, its_metrics, reloads=file.changes())
        pages = server.Server(metrics=its_metrics.page, late=its_beats.late, ready=daemon.unready)
        address = await pages.start(its.metrics.address)
        log.info("metrics on http://%s/metrics", address)
        try:
            async with _hints(its, here, daemon):
                await daemon.run(stop)
        finally:
            await pages.close()


@contextlib.asynccontextmanager
async def _hints(its: deployment.Deployment, here: world.World, daemon: run.Daemon) -> AsyncIterator[None]:
    """Git hosts may hint inside the block, where the settings want it."""
    if its.webhook is None:
        yield
        return
    hints = webhook.Webhook(
        secret=place.Credentials("", pathlib.Path(its.webhook.secret_file)).secret,
        refs=lambda: {name: wanted.ref for name, wanted in here.settings.repositories.items()},
        hint=daemon.hint,
        ready=daemon.unready,
    )
    address = await hints.start(its.webhook.address)
    log.info("webhook on http://%s/webhook/<repository>", address)
    try:
        yield
    finally:
        await hints.close()


async def once(
    config: pathlib.Path, *, patience: float, wanted: Callable[[ids.TargetKey], bool]
) -> dict[ids.TargetKey, outcomes.PassResult]:
    """`reconciler once`: bring every wanted target to rest, within `patience` seconds."""
    its = opening.settings(config)
    await runtime.check(its)

    def heard(event: records.Event) -> None:
        log.log(LEVELS.get(event.kind, logging.INFO), "%s", telling.line(event))

    async with opening.open_journal(its) as journal, build(its, journal, heard=heard) as here:
        return await run.once(here, patience=patience, wanted=wanted)
