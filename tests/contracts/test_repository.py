"""What every `ports.Repository` promises: real Git, and the one in memory that the simulation deploys from."""

import pathlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import pytest
import pytest_asyncio

from reconciler import errors, ports
from reconciler.edges import git
from tests.simulation import git as memory
from tests.support import gitserver

WEB = "desired-state/production/web"
NOWHERE = "0" * 40


class Upstream(Protocol):
    """Where others commit to."""

    def commit(self, changes: Mapping[str, bytes | None], *, onto: str | None = None) -> str:
        """A commit on the head, or on `onto`, pushed by force; '' as `onto`: a history of its own."""


@dataclass(frozen=True, slots=True)
class Real:
    upstream: gitserver.Upstream

    def commit(self, changes: Mapping[str, bytes | None], *, onto: str | None = None) -> str:
        return self.upstream.commit(dict(changes), onto=onto)


@dataclass(frozen=True, slots=True)
class Memory:
    server: memory.Server

    def commit(self, changes: Mapping[str, bytes | None], *, onto: str | None = None) -> str:
        if onto == "":
            self.server.ref_head = ""
        revision = self.server.commit(changes, message="a change", on=onto or "")
        self.server.push(revision, who="dev", force=True)
        return revision


World = tuple[ports.Repository, Upstream]


@pytest_asyncio.fixture(params=["git", "memory"])
async def world(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> AsyncIterator[World]:
    if request.param == "memory":
        server = memory.Server(now=lambda: "2026-01-01T00:00:00Z")
        yield memory.MemoryRepository(server), Memory(server)
        return
    upstream = gitserver.create(tmp_path / "upstream.git")
    mirror = tmp_path / "mirrors" / "deploy.git"
    where = git.Place.checked("desired", url=str(upstream.path), allow_local=True, ref="refs/heads/main", mirror=mirror)
    repository = git.GitRepository(where)
    yield repository, Real(upstream)
    await repository.close()


async def test_content_is_read_at_a_revision(world: World) -> None:
    repository, upstream = world
    first = upstream.commit({f"{WEB}/web.yaml": b"a: 1\n", f"{WEB}/deep/b.yaml": b"b", f"{WEB}-two/c.yaml": b"c"})
    second = upstream.commit({f"{WEB}/web.yaml": b"a: 2\n", "README.md": b"hello"})
    assert await repository.head() == second
    read = await repository.files(second, [WEB])
    assert [(file.path, file.content) for file in read] == [
        (f"{WEB}/deep/b.yaml", b"b"),
        (f"{WEB}/web.yaml", b"a: 2\n"),
    ]
    assert [file.content for file in await repository.files(first, [f"{WEB}/web.yaml"])] == [b"a: 1\n"]
    assert await repository.files(second, ["nothing"]) == ()
    assert await repository.folders(second, "desired-state/production") == ("web", "web-two")
    assert await repository.folders(second, "README.md") == await repository.folders(second, "nothing") == ()


async def test_ids_are_those_of_git(world: World) -> None:
    """Equal content, equal id: what decides whether a commit touches a target."""
    repository, upstream = world
    first = upstream.commit({f"{WEB}/web.yaml": b"a: 1\n", f"{WEB}/web/b.yaml": b"b", f"{WEB}/web-c.yaml": b"c"})
    assert await repository.oids(first, [WEB, f"{WEB}/web.yaml", "nothing"]) == {
        WEB: "71c3c9447d048d5ee99e9f873e88f95472c26a0a",
        f"{WEB}/web.yaml": "a8926a52d8dcba5c4386945476ab6a2ad008afd4",
        "nothing": "",
    }


async def test_history(world: World) -> None:
    repository, upstream = world
    commits = [upstream.commit({"n": str(number).encode()}) for number in range(4)]
    assert await repository.descends(commits[3], ancestor=commits[0])
    assert await repository.descends(commits[3], ancestor=commits[3])
    assert not await repository.descends(commits[0], ancestor=commits[3])
    assert not await repository.descends(commits[3], ancestor=NOWHERE)
    log = await repository.log(commits[3], older=commits[0], limit=2)
    assert [commit.revision for commit in log] == [commits[3], commits[2]]
    info = await repository.commit_info(commits[1])
    assert (info.author, info.subject, info.parents) == ("Dev <dev@example.test>", "a change", (commits[0],))


async def test_no_such_ref_is_no_empty_repository(world: World) -> None:
    repository, _ = world
    with pytest.raises(errors.RefMissing):
        await repository.head()


async def test_what_was_rewritten_is_kept_where_it_was_read_and_nowhere_else(world: World) -> None:
    repository, upstream = world
    first = upstream.commit({"n": b"1"})
    read = upstream.commit({"n": b"2"})
    await repository.fetch(read)
    await repository.keep(first)
    upstream.commit({"n": b"3"})
    rewritten = upstream.commit({"n": b"4"}, onto=first)
    assert not await repository.descends(rewritten, ancestor=read)
    assert [file.content for file in await repository.files(read, ["n"])] == [b"2"]
    with pytest.raises(errors.Transient, match="does not lead to"):
        await repository.fetch(NOWHERE)
    with pytest.raises(errors.Transient, match="does not lead to"):
        await repository.files(NOWHERE, ["n"])


async def test_what_the_mirror_holds_is_known_without_the_server(world: World) -> None:
    repository, upstream = world
    first = upstream.commit({"n": b"1"})
    assert not await repository.holds(first)
    await repository.fetch(first)
    second = upstream.commit({"n": b"2"})
    assert [await repository.holds(revision) for revision in (first, second, NOWHERE)] == [True, False, False]


async def test_paths_are_restored_and_nothing_else(world: World) -> None:
    repository, upstream = world
    good = upstream.commit({f"{WEB}/a.yaml": b"1", f"{WEB}/b.yaml": b"1", "other": b"1"})
    bad = upstream.commit({f"{WEB}/a.yaml": b"2", f"{WEB}/b.yaml": None, f"{WEB}/c.yaml": b"2", "other": b"2"})
    await repository.fetch(bad)
    commit = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="back")
    assert (await repository.commit_info(commit)).parents == (bad,)
    paths = [WEB, "other"]
    now, before, then = [await repository.oids(revision, paths) for revision in (commit, bad, good)]
    assert (now[WEB], now["other"]) == (then[WEB], before["other"])
    assert await repository.commit_restoring(parent=commit, paths=[WEB], source=good, message="again") == commit
    with pytest.raises(errors.Terminal, match="does not hold"):
        await repository.commit_restoring(parent=commit, paths=[WEB], source=NOWHERE, message="lost")


async def test_nothing_goes_that_lies_on_the_way_to_a_restored_path(world: World) -> None:
    repository, upstream = world
    good = upstream.commit({"base/web/a.yaml": b"1", "n": b"1"})
    bad = upstream.commit({"base/web/a.yaml": None, "base": b"no folder any more", "n": b"2"})
    await repository.fetch(bad)
    with pytest.raises(errors.Terminal, match="base is a link or a file now"):
        await repository.commit_restoring(parent=bad, paths=["n", "base/web"], source=good, message="back")
    commit = await repository.commit_restoring(parent=bad, paths=["base"], source=good, message="back")
    assert await repository.oids(commit, ["base"]) == await repository.oids(good, ["base"])


async def test_a_push_is_never_forced_and_says_what_came_of_it(world: World) -> None:
    repository, upstream = world
    good, bad = upstream.commit({"n": b"1"}), upstream.commit({"n": b"2"})
    await repository.fetch(bad)
    commit = await repository.commit_restoring(parent=bad, paths=["n"], source=good, message="back")
    other = upstream.commit({"m": b"1"})
    lost = await repository.push(commit, expected=bad)
    assert (lost.result, await repository.head()) == (ports.PushResult.RACED, other)
    assert other in lost.because
    again = await repository.commit_restoring(parent=other, paths=["n"], source=good, message="back")
    for _ in range(2):
        assert (await repository.push(again, expected=other)).result is ports.PushResult.DONE
    assert await repository.head() == again
    upstream.commit({"m": b"2"})
    assert (await repository.push(again, expected=other)).result is ports.PushResult.DONE
