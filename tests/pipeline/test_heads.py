"""What is known of a repository while it cannot be read."""

import asyncio
from collections.abc import Callable

import pytest

from reconciler.model import ids, records
from reconciler.pipeline import heads, world
from tests.simulation import git
from tests.support import worlds

WEB = ids.TargetKey("production", "web")
HEADER = "apiVersion: reconciler.dev/v1\nkind: "
APPLICATION = "desired-state/production/web/application.yaml"
FILES = {
    "desired-state/production/environment.yaml": f"{HEADER}Environment\n".encode(),
    APPLICATION: f"{HEADER}Application\nnamespace: web\nsource: {{manifests: {{}}}}\n".encode(),
    "desired-state/production/web/manifests/all.yaml": b"",
}


class Repository(git.MemoryRepository):
    """Counts how often its server was asked for a revision that its mirror lacks."""

    asked = 0

    async def fetch(self, revision: str) -> None:
        self.asked += revision not in self.mirror
        await super().fetch(revision)


class Bench:
    """A repository with one application, applied by the process before, and a process that was just started."""

    def __init__(self, here: world.World) -> None:
        self.server = git.Server(now=lambda: worlds.INSTALLATION)
        self.repository = Repository(self.server)
        self.revision = self.commit(FILES)
        here.repositories = {"main": self.repository}
        self.here = here
        self.heads = heads.Heads(here)

    def commit(self, changes: dict[str, bytes]) -> str:
        revision = self.server.commit(changes, message="a change")
        self.server.push(revision, who="dev", force=True)
        return revision

    async def applied(self) -> records.Present:
        """As the process before left it: the mirror has it."""
        prepared = await heads.Heads(self.here).prepare(WEB, self.revision)
        self.repository.asked = 0
        return records.Present(self.revision, prepared.inputs.digest, "manifests", complete=True)


@pytest.fixture
async def bench() -> Bench:
    return Bench(await worlds.made())


async def test_what_was_applied_is_read_from_the_mirror_while_the_repository_is_away(bench: Bench) -> None:
    present = await bench.applied()
    assert await bench.heads.applied(WEB, present) is None, "nothing has been tried yet"
    bench.server.hidden = True
    await bench.heads.poll("main")
    found = await bench.heads.applied(WEB, present)
    assert found
    assert found.inputs.digest == present.input_digest
    assert bench.repository.asked == 0
    assert bench.heads.readers(WEB) == {}
    assert bench.heads.held(WEB) == ()
    bench.server.hidden = False
    await bench.heads.poll("main")
    assert await bench.heads.applied(WEB, present) is None, "its head decides again"
    bench.server.hidden = True
    await bench.heads.poll("main")
    assert await bench.heads.applied(WEB, present) is None, "its head is known still"


async def test_a_mirror_that_lacks_it_asks_no_server(bench: Bench) -> None:
    """However many targets are looked at, also at once: a fetch may take minutes to fail, and polls wait behind it."""
    present = await bench.applied()
    bench.server.hidden = True
    await bench.heads.poll("main")
    bench.repository.mirror.clear()
    assert await asyncio.gather(*(bench.heads.applied(WEB, present) for _ in range(8))) == [None] * 8
    assert bench.repository.asked == 0


@pytest.mark.parametrize(
    "changed",
    [
        lambda present: records.Present(present.revision, "other inputs", "manifests", complete=True),
        lambda present: records.Present("0" * 40, present.input_digest, "manifests", complete=True),
    ],
    ids=["digest", "revision"],
)
async def test_anything_else_is_not_what_was_applied(
    bench: Bench, changed: Callable[[records.Present], records.Present]
) -> None:
    present = await bench.applied()
    bench.server.hidden = True
    await bench.heads.poll("main")
    assert await bench.heads.applied(WEB, changed(present)) is None
