"""The mirror after crashes, damage and years: rows.toml GIT-19 to GIT-21 and GIT-29."""

import asyncio
import contextlib
import fcntl
import pathlib
import shutil
from collections.abc import Callable

import pytest

from reconciler import errors
from reconciler.edges import git
from tests.support import gitserver

Look = Callable[..., git.GitRepository]
LOCKS = ("HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock", "index.lock", "refs/reconciler/head/x.lock")


@pytest.fixture
def mirror(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "mirrors" / "deploy.git"


@pytest.mark.row("GIT-19", "GIT-20", "F26")
async def test_what_a_crash_left_is_removed_at_the_start(
    upstream: gitserver.Upstream, local: Look, mirror: pathlib.Path
) -> None:
    first = upstream.commit({"a": "1"})
    before = local(upstream)
    await before.fetch(first)
    await before.close()
    (tracked,) = (mirror / "refs/reconciler/head").iterdir()
    left = [mirror / name for name in LOCKS] + [tracked.with_name(f"{tracked.name}.lock")]
    left += [mirror / "objects/pack/tmp_pack_x", mirror / "objects/tmp_obj_x", mirror / "index-0123"]
    for path in left:
        path.write_bytes(b"x" * 1000)
    (mirror / "objects/tmp_objdir-incoming-x").mkdir()
    second = upstream.commit({"a": "2"})
    assert [file.content for file in await local(upstream).files(second, ["a"])] == [b"2"]
    assert [path for path in left if path.exists()] == []
    assert not (mirror / "objects/tmp_objdir-incoming-x").exists()


@pytest.mark.row("GIT-20")
async def test_locks_stay_while_another_may_hold_them(
    upstream: gitserver.Upstream, local: Look, mirror: pathlib.Path
) -> None:
    """An orphan git of a killed daemon has inherited the lock: the next daemon does not clean up under it."""
    revision = upstream.commit({"a": "1"})
    before = local(upstream)
    await before.fetch(revision)
    await before.close()
    stale = mirror / "packed-refs.lock"
    stale.touch()
    with mirror.with_name("deploy.git.lock").open("r+") as orphan:
        fcntl.flock(orphan, fcntl.LOCK_SH)
        second = local(upstream)
        assert await second.head() == revision
        assert [file.content for file in await second.files(revision, ["a"])] == [b"1"]
        assert stale.exists()
        await second.close()
    assert await local(upstream).head() == revision
    assert not stale.exists()


async def test_git_inherits_the_lock(server: gitserver.Server, served: gitserver.Upstream, remote: Look) -> None:
    served.commit({"a": "1"})
    repository = remote(served)
    server.silent = True
    question = asyncio.ensure_future(repository.head())
    await asyncio.to_thread(server.heard.wait, 20)
    held = inherited(str(server.port))
    question.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await question
    assert [link for link in held if link.endswith("deploy.git.lock")]


def inherited(word: str) -> list[str]:
    """Files that are open in those git processes whose command line holds `word`."""
    processes = [entry for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit() and word in git_of(entry)]
    return [link for process in processes for link in links(process / "fd")]


def git_of(process: pathlib.Path) -> str:
    """The command line of a git process, '' for any other."""
    with contextlib.suppress(OSError):
        line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return line if line.startswith("git") else ""
    return ""


def links(folder: pathlib.Path) -> list[str]:
    found = []
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                found.append(str(entry.readlink()))
    return found


def flip(path: pathlib.Path, *, at: int) -> None:
    """Four bytes of a file, as a dying disk does."""
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    for offset in range(at, at + 4):
        content[offset] ^= 0xFF
    path.write_bytes(content)


def hurt_pack(mirror: pathlib.Path) -> None:
    for pack in (mirror / "objects/pack").glob("*.pack"):
        for at in range(12, pack.stat().st_size - 24, 16):
            flip(pack, at=at)


def lose_packs(mirror: pathlib.Path) -> None:
    for path in (mirror / "objects/pack").iterdir():
        path.unlink()


def hurt_index(mirror: pathlib.Path) -> None:
    for index in (mirror / "objects/pack").glob("*.idx"):
        flip(index, at=0)


def lose_everything(mirror: pathlib.Path) -> None:
    shutil.rmtree(mirror)


def hurt_config(mirror: pathlib.Path) -> None:
    (mirror / "HEAD").write_text("nonsense")


@pytest.mark.parametrize("hurt", [hurt_pack, lose_packs, hurt_index, lose_everything, hurt_config])
@pytest.mark.parametrize("question", ["files", "oids", "folders", "descends", "commit_info", "fetch", "restoring"])
@pytest.mark.row("GIT-21", "F26")
async def test_a_damaged_mirror_is_cloned_again(
    upstream: gitserver.Upstream,
    local: Look,
    mirror: pathlib.Path,
    hurt: Callable[[pathlib.Path], None],
    question: str,
) -> None:
    """Every question is answered truly within two polls, and never with "there is nothing"."""
    old = upstream.commit({"apps/web/a": "1" * 5000, "apps/api/a": "x"})
    revision = upstream.commit({"apps/web/a": "2" * 5000})
    repository = local(upstream)
    truth = await asked(repository, question, old=old, revision=revision)
    hurt(mirror)
    for attempt in range(2):
        try:
            answer = await asked(repository, question, old=old, revision=revision)
            break
        except errors.Transient:
            assert attempt == 0
    assert answer == truth
    (file,) = await repository.files(revision, ["apps/web"])
    assert file.content == b"2" * 5000


async def asked(repository: git.GitRepository, question: str, *, old: str, revision: str) -> object:
    match question:
        case "files":
            return await repository.files(revision, ["apps"])
        case "oids":
            return await repository.oids(revision, ["apps/web", "apps/api", "nothing"])
        case "folders":
            return await repository.folders(revision, "apps")
        case "descends":
            return await repository.descends(revision, ancestor=old)
        case "commit_info":
            return await repository.commit_info(revision)
        case "fetch":
            return await repository.fetch(revision)
    commit = await repository.commit_restoring(parent=revision, paths=["apps/web"], source=old, message="Revert")
    return await repository.oids(commit, ["apps/web", "apps/api"])


async def test_a_disk_that_damages_again_and_again_is_said(
    upstream: gitserver.Upstream, local: Look, mirror: pathlib.Path
) -> None:
    revision = upstream.commit({"a": "1" * 5000})
    repository = local(upstream)
    await repository.files(revision, ["a"])
    hurt_pack(mirror)
    await repository.files(revision, ["a"])
    assert mirror.with_name("deploy.git.damaged").is_dir()
    hurt_pack(mirror)
    with pytest.raises(errors.Transient, match="check the disk"):
        await repository.files(revision, ["a"])


async def test_a_damaged_mirror_during_an_outage_waits(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look, mirror: pathlib.Path
) -> None:
    revision = served.commit({"a": "1" * 5000})
    repository = remote(served)
    await repository.fetch(revision)
    hurt_pack(mirror)
    server.down()
    for _ in range(2):
        with pytest.raises(errors.Transient):
            await repository.files(revision, ["a"])
    server.up()
    (file,) = await repository.files(revision, ["a"])
    assert file.content == b"1" * 5000


async def test_packs_and_refs_stay_few(upstream: gitserver.Upstream, local: Look, mirror: pathlib.Path) -> None:
    repository = local(upstream)
    revisions = []
    for n in range(60):
        revisions.append(upstream.commit({"n": str(n)}))
        await repository.fetch(revisions[-1])
        await repository.keep(revisions[-1])
    assert len(list((mirror / "objects/pack").glob("*.pack"))) <= 51
    assert len(list((mirror / "refs/reconciler/keep").iterdir())) < 60
    for n, revision in enumerate(revisions):
        assert [file.content for file in await repository.files(revision, ["n"])] == [str(n).encode()]


@pytest.mark.row("GIT-29")
async def test_two_processes_share_a_mirror(upstream: gitserver.Upstream, local: Look) -> None:
    """The daemon and `reconciler plan`: two views, also of two refs, in one mirror."""
    main = upstream.commit({"a": "main"})
    branch = upstream.commit({"a": "branch"}, branch="feature/main", onto=main)
    daemon, plan = local(upstream), local(upstream, ref="refs/heads/feature/main")
    answers = await asyncio.gather(
        *(view.files(revision, ["a"]) for view, revision in [(daemon, main), (plan, branch)] * 5)
    )
    assert {file.content for (file,) in answers} == {b"main", b"branch"}


async def test_a_folder_that_cannot_be_made(upstream: gitserver.Upstream, local: Look, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.Terminal, match="for mirrors cannot be written"):
        await local(upstream, mirror=tmp_path / "file" / "deploy.git").head()
