"""What a rebuilding reads of Git, it reads as a pass does."""

import types
from typing import Any, cast

from reconciler.model import ids, live, records, sources
from reconciler.pipeline import heads, rebuilding, world
from tests.pipeline import test_opening, test_rendering
from tests.render import examples


class _Cluster:
    async def facts(self) -> live.ClusterFacts:
        return examples.FACTS


class _Repository:
    async def files(self, revision: str, paths: list[str]) -> tuple[sources.File, ...]:
        return tuple(test_opening.files(*paths))


async def test_last_good_with_encrypted_files_has_its_digest() -> None:
    """Without it, what has run for last good would count as never run, and its hooks would run once more."""
    path = sources.InputPath(f"{test_opening.FOLDER}/db.yaml", "1", own=True)
    prepared = heads.Prepared(examples.FOLDER, sources.Inputs("a" * 40, (path,)))
    here: Any = types.SimpleNamespace(
        renderer=test_rendering.FakeRenderer(""),
        opener=test_opening.FakeOpener(),
        cluster_of=lambda key: _Cluster(),
        repositories={examples.FOLDER.repository: _Repository()},
        at=lambda: "2026-01-01T00:00:00Z",
    )
    target = ids.TargetKey("production", "web")
    digest = prepared.inputs.digest
    record = records.TargetRecord(target, "here", 1, digest, (), "", 1, "")
    gathering = rebuilding._Gathering(cast(world.World, here), "here")
    goods, notes = await gathering._good(record, {digest: prepared})
    assert not notes and goods[digest].manifest_digest
