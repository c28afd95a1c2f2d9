"""What the clusters remember of the journal: the anchors that an audit holds the chain against."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler import errors
from reconciler.model import ids
from reconciler.pipeline import world
from reconciler.record import chain

DEADLINE = 8.0
"""Seconds for one target record."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """`left_out`: one sentence for each target whose record could not be compared."""

    found: tuple[chain.Anchor, ...]
    left_out: tuple[str, ...]


async def anchors(here: world.World, targets: Sequence[ids.TargetKey], *, unreachable: Mapping[str, str]) -> Anchors:
    """The target records of these targets. `unreachable`: clusters that are missing in `here`, and why."""
    answers = await asyncio.gather(*(_anchor(here, key, unreachable) for key in targets))
    return Anchors(
        tuple(answer for answer in answers if isinstance(answer, chain.Anchor)),
        tuple(answer for answer in answers if isinstance(answer, str)),
    )


async def _anchor(here: world.World, key: ids.TargetKey, unreachable: Mapping[str, str]) -> chain.Anchor | str:
    environment = here.settings.environments.get(key.environment)
    if environment is None:
        return f"{key}: the environment is not configured any more"
    cluster = here.clusters.get(environment.cluster)
    if cluster is None:
        return f"{key}: cluster {environment.cluster}: {unreachable.get(environment.cluster, 'not configured')}"
    try:
        async with asyncio.timeout(DEADLINE):
            record = await cluster.read_record(key)
    except TimeoutError:
        return f"{key}: cluster {cluster.name} did not answer within {DEADLINE:.0f} s"
    except errors.ReconcilerError as error:
        return f"{key}: {error}"
    if record is None:
        return f"{key}: there is no target record in cluster {cluster.name} yet"
    if record.installation != here.journal.installation:
        return f"{key}: the target record in cluster {cluster.name} is of installation {record.installation}"
    where = f"the target record of {key} in cluster {cluster.name}"
    return chain.Anchor(where, record.epoch, record.sequence, record.head_hash)
