"""A whole world in one process: a journal in memory that leads, and two sandboxes; nothing renders or reads Git."""

from collections.abc import Callable

from reconciler import ports
from reconciler.edges import system
from reconciler.edges.journal import memory
from reconciler.model import records
from reconciler.pipeline import world
from reconciler.sandbox import cluster, objects
from reconciler.settings import deployment, loading

INSTALLATION = "11111111-aaaa"
EVENTS = 3
SETTINGS = """\
repositories: {main: {url: 'https://git.example.com/team/state.git', ref: refs/heads/main}}
clusters: {one: {inCluster: true}, two: {inCluster: true}}
environments:
  production: {repository: main, cluster: one, namespaces: [web]}
  staging: {repository: main, cluster: one, namespaces: [web]}
  far: {repository: main, cluster: two, namespaces: [web]}
"""

Maker = Callable[[str, objects.Objects, ports.Journal], ports.Cluster]


async def made(make: Maker = lambda name, kept, journal: cluster.SandboxCluster(name, kept)) -> world.World:
    """Clusters with a namespace `web` and no records; a journal whose chain has `EVENTS` events."""
    clock, chance = system.SystemClock(), system.SystemChance()
    its = loading.load(deployment.Deployment, SETTINGS, where="config/deployment-config.yaml")
    journal = memory.Memory(installation=INSTALLATION, now=clock.now).open()
    clusters = {}
    for name in its.clusters:
        kept = objects.Objects(clock, chance)
        kept.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}, manager="somebody")
        clusters[name] = make(name, kept, journal)
    here = world.World(
        clock=clock,
        chance=chance,
        journal=journal,
        renderer=None,  # type: ignore[arg-type] # not asked
        prober=None,  # type: ignore[arg-type] # not asked
        expressions=None,  # type: ignore[arg-type] # not asked
        opener=None,  # type: ignore[arg-type] # not asked
        repositories={},
        clusters=clusters,
        settings=its,
        epoch=await journal.lead("the test"),
        heard=lambda event: None,
        adjust=None,  # type: ignore[arg-type] # not asked
    )
    for number in range(EVENTS):
        await here.append(here.event(records.EventKind.LEADING, f"event {number}"))
    return here
