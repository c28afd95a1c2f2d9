"""Repositories that want to run, write or fetch something where they are read, and a git that is killed while it reads
them: the rows of tests/hostile/rows.toml that need a repository made for it."""

import asyncio
import contextlib
import hashlib
import http.server
import os
import pathlib
import shutil
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest

from reconciler import errors
from reconciler.edges import git
from reconciler.edges.git import answers
from tests.contracts import waiting
from tests.support import gitserver, site

Look = Callable[..., git.GitRepository]
Ask = Callable[[git.GitRepository, str, str], Awaitable[object]]
WEB = "desired-state/production/web"


@dataclass(frozen=True, slots=True)
class Sink:
    """Hears whoever follows an address of the repository."""

    address: str
    heard: list[str]


@pytest.fixture
def sink() -> Iterator[Sink]:

    class Hears(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815 - the base class calls it so

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """What was heard is looked at, not printed."""

    heard: list[str] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hears) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield Sink(f"http://127.0.0.1:{server.server_address[1]}", heard)
        server.shutdown()


@pytest.mark.parametrize(
    "section",
    [
        "path = {web}/vendor\n\turl = {sink}/sub.git",
        "path = ../../../escaped\n\turl = {sink}/sub.git",
        "path = {web}/vendor\r\n\turl = {sink}/sub.git\r",
        "path = {web}/vendor\n\turl = {sink}/sub.git\n\tfetchRecurseSubmodules = true",
    ],
    ids=["plain", "upwards", "carriage-return", "recursive"],
)
@pytest.mark.row("GIT-07")
async def test_submodules_are_named_and_bring_nothing(
    upstream: gitserver.Upstream,
    local: Look,
    tmp_path: pathlib.Path,
    sink: Sink,
    section: str,
) -> None:
    modules = f'[submodule "a"]\n\t{section}\n'.format(web=WEB, sink=sink.address, folder=tmp_path)
    good = upstream.commit({".gitmodules": modules, f"{WEB}/a.yaml": "a: 1"})
    bad = upstream.commit({f"{WEB}/vendor": gitserver.Submodule("a" * 40)})
    repository = local(upstream)
    assert [file.content for file in await repository.files(good, [WEB])] == [b"a: 1"]
    with pytest.raises(errors.InvalidInput, match=rf"{WEB}/vendor is a submodule: .*commit the files themselves"):
        await repository.files(bad, [WEB])
    back = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="back")
    assert [file.path for file in await repository.files(back, [WEB])] == [f"{WEB}/a.yaml"]
    assert not (tmp_path / "ran").exists()
    assert sink.heard == []


@pytest.mark.parametrize("line", ["path = a\n\tupdate = !touch ran", "path = a\n\turl = --upload-pack=touch ran;x"])
@pytest.mark.row("GIT-07")
async def test_submodules_that_are_attacks_do_not_come_in(upstream: gitserver.Upstream, local: Look, line: str) -> None:
    good = upstream.commit({f"{WEB}/a.yaml": "a: 1"})
    repository = local(upstream)
    await repository.fetch(good)
    bad = upstream.commit({".gitmodules": f'[submodule "a"]\n\t{line}\n', "a": gitserver.Submodule("a" * 40)})
    with pytest.raises(errors.Terminal, match=r"malformed or hostile: .*disallowed submodule"):
        await repository.fetch(bad)
    assert [file.content for file in await repository.files(good, [WEB])] == [b"a: 1"]


@pytest.mark.row("GIT-27")
async def test_filters_and_pointers_fetch_and_run_nothing(
    upstream: gitserver.Upstream, local: Look, tmp_path: pathlib.Path, sink: Sink
) -> None:
    """Filters work on work trees, and there is none; a revert puts the same bytes back."""
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    good = upstream.commit(
        {
            ".gitattributes": "*.yaml filter=lfs diff=evil merge=evil ident working-tree-encoding=UTF-16\n",
            f"{WEB}/.gitattributes": "* filter=evil text eol=crlf export-subst\n",
            ".lfsconfig": f"[lfs]\n\turl = {sink.address}/lfs\n",
            ".gitconfig": f'[filter "evil"]\n\tsmudge = touch {tmp_path}/ran\n\tclean = touch {tmp_path}/ran\n',
            f"{WEB}/a.yaml": "a: $Id$ $Format:%H$\n",
        }
    )
    bad = upstream.commit({f"{WEB}/a.yaml": pointer})
    repository = local(upstream)
    assert (f"{WEB}/a.yaml", b"a: $Id$ $Format:%H$\n") in {
        (file.path, file.content) for file in await repository.files(good, [WEB])
    }
    with pytest.raises(errors.InvalidInput, match=r"a\.yaml is a Git LFS pointer: .*commit the file itself"):
        await repository.files(bad, [WEB])
    back = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="back")
    assert await repository.oids(back, [WEB]) == await repository.oids(good, [WEB])
    assert not (tmp_path / "ran").exists()
    assert sink.heard == []


@pytest.mark.parametrize("name", [".git", ".GIT", ".giT", "git~1", ".git ", ".git.", ".g\u200cit", "..", "."])
@pytest.mark.row("GIT-09")
async def test_what_would_write_into_the_mirror_does_not_come_in(
    served: gitserver.Upstream, remote: Look, tmp_path: pathlib.Path, name: str
) -> None:
    """Also names that only some file systems take for `.git`; refused where it comes in, and nothing was written."""
    good = served.commit({"a": "1"})
    repository = remote(served)
    await repository.fetch(good)
    before = settings_of(tmp_path / "mirrors")
    blob = served.git("hash-object", "-w", "--stdin", given=b"[core]\n\tfsmonitor = touch ran\n")
    inner = served.git("mktree", given=f"100644 blob {blob}\tconfig\n".encode())
    row = f"40000 {name}\0".encode() + bytes.fromhex(inner)
    tree = served.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=row)
    evil = served.git("commit-tree", tree, "-p", good, "-m", "evil")
    served.git("update-ref", "refs/heads/main", evil)
    with pytest.raises(errors.Terminal, match="malformed or hostile"):
        await repository.fetch(evil)
    assert settings_of(tmp_path / "mirrors") == before
    assert [file.content for file in await repository.files(good, ["a"])] == [b"1"]


def settings_of(mirrors: pathlib.Path) -> dict[str, str]:
    """What steers git in a mirror, by its digest: everything but objects and refs."""
    files = (path for path in mirrors.rglob("*") if path.is_file() and not {"objects", "refs"} & set(path.parts))
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if "packed-refs" not in path.name
    }


@pytest.mark.row("GIT-19", "F06", "F26")
async def test_a_git_that_is_killed_in_a_fetch_leaves_nothing(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look, tmp_path: pathlib.Path
) -> None:
    """The daemon lives, git does not: out of memory, or a person. Each time half a pack lay on the disk."""
    small = served.commit({"a": "1"})
    repository = remote(served)
    await repository.fetch(small)
    revision = served.commit({"big": os.urandom(1 << 20)})
    server.stop_packs_at = 600_000
    mirror = tmp_path / "mirrors/deploy.git"
    for _ in range(3):
        fetching = asyncio.ensure_future(repository.fetch(revision))
        await waiting.until(
            lambda: any(part.stat().st_size > 100_000 for part in mirror.glob("objects/pack/tmp_pack_*")),
            what="a pack that grows",
            seconds=site.PATIENCE,
        )
        for process in gits(str(server.port)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with pytest.raises(errors.Transient):
            await fetching
        assert list(mirror.rglob("tmp_*")) == []
        assert [file.content for file in await repository.files(small, ["a"])] == [b"1"]
    server.stop_packs_at = 0
    await repository.fetch(revision)
    size = sum(path.stat().st_size for path in mirror.rglob("*") if path.is_file())
    assert size < 1.2 * (1 << 20) + 100_000


@pytest.mark.parametrize(
    "question",
    [
        lambda its, new, old: its.files(new, ["a"]),
        lambda its, new, old: its.oids(new, ["a"]),
        lambda its, new, old: its.folders(new, "b"),
        lambda its, new, old: its.descends(new, ancestor=old),
        lambda its, new, old: its.commit_info(new),
        lambda its, new, old: its.log(new, older=old, limit=2),
    ],
    ids=["files", "oids", "folders", "descends", "commit_info", "log"],
)
@pytest.mark.row("F06")
async def test_a_git_that_is_killed_while_it_reads_is_neither_damage_nor_an_answer(
    upstream: gitserver.Upstream, local: Look, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, question: Ask
) -> None:
    """By the kernel, for memory. Each of its commands once: the mirror stays, and nothing is absent or rewritten."""
    old = upstream.commit({"a": "1", "b/c": "1"})
    new = upstream.commit({"a": "2"})
    truth = await question(local(upstream), new, old)
    real, tools = shutil.which("git"), tmp_path / "tools"
    tools.mkdir()
    count = tools / "count"
    (tools / "git").write_text(
        f'#!/bin/sh\nn=$(cat {count}); echo $((n - 1)) > {count}\n[ "$n" = 1 ] && kill -9 $$\nexec {real} "$@"\n'
    )
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    killed = 0
    for nth in range(1, 6):
        count.write_text(str(nth))
        repository = local(upstream)  # the reader that another one keeps is started already
        try:
            assert await question(repository, new, old) == truth
        except errors.Transient as error:
            killed += 1
            assert not isinstance(error, answers.Damaged)
        assert not list((tmp_path / "mirrors").glob("*.damaged"))
    assert killed


def gits(word: str) -> list[int]:
    """Processes of git whose command line holds `word`."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if line.startswith(("git", "/usr/lib/git-core")) and word in line:
                found.append(int(entry.name))
    return found


@pytest.mark.row("GIT-24")
async def test_a_log_that_is_cut_in_the_middle_of_a_commit_ends_before_it(
    upstream: gitserver.Upstream, local: Look
) -> None:
    """Subjects of 65 KB fill what a listing may take at any place, also within the id of the next commit."""
    repository = local(upstream)
    upstream.commit({"n": "0"})
    for size in (131_072 - 140, 131_072 - 120, 131_072 - 100, 131_072 - 85, 131_072 - 60):
        base = upstream.commit({"n": f"base {size}"})
        upstream.commit({"n": f"1 {size}"})
        head = upstream.commit({"n": f"2 {size}"}, message="x" * size)
        told = await repository.log(head, older=base, limit=2)
        assert told[0].revision == head
        assert len(told) <= 2


@pytest.mark.parametrize(
    ("mode", "refused"),
    [
        ("644", "evil/a is a submodule"),
        ("100", "evil/a is a submodule"),
        ("7", "evil/a is a submodule"),
        ("1100644", ""),
        ("11111100755", ""),
        ("1120000", "evil/a is a symbolic link to 'A', and there is no evil/A"),
    ],
)
@pytest.mark.row("GIT-09")
async def test_a_file_mode_that_nobody_writes_is_nobody_elses_trouble(
    upstream: gitserver.Upstream, local: Look, tmp_path: pathlib.Path, mode: str, refused: str
) -> None:
    """It passes git's own check of what arrives, and git reads it in one way. The mirror is not damaged: it was cloned
    again at each look, and all targets of the repository waited."""
    first = upstream.commit({"app/a": "A", "app/link": gitserver.Link("a")})
    app = upstream.git("rev-parse", f"{first}:app")
    entry = f"{mode} a\0".encode() + bytes.fromhex(upstream.git("rev-parse", f"{first}:app/a"))
    evil = upstream.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", given=entry)
    root = upstream.git("mktree", given=f"040000 tree {app}\tapp\n040000 tree {evil}\tevil\n".encode())
    revision = upstream.git("commit-tree", root, "-p", first, "-m", "evil")
    upstream.git("update-ref", "refs/heads/main", revision)
    repository = local(upstream)
    await repository.fetch(revision)
    found = await repository.reached(revision, ["app", "evil", "evil/a"])
    assert (found["app"].oid, found["evil"].oid) == (app, evil)
    assert all(place.oid for place in found.values())
    assert [file.content for file in await repository.files(revision, ["app"])] == [b"A", b"A"]
    if refused:
        with pytest.raises(errors.InvalidInput, match=refused):
            await repository.files(revision, ["evil"])
    else:
        assert [file.content for file in await repository.files(revision, ["evil"])] == [b"A"]
    assert not (tmp_path / "mirrors/deploy.git.damaged").exists()
