"""The reader that is kept open: it answers truly or not at all, and nothing of it is left behind."""

import asyncio
import contextlib
import dataclasses
import functools
import itertools
import os
import pathlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from reconciler import errors
from reconciler.edges import git
from reconciler.edges.git import kept, place, process, reading, trees, writing
from tests.support import gitserver

Look = Callable[..., git.GitRepository]
Ask = Callable[..., process.Ended]
MOST = 100_000


class Noting(process.Git):
    """Notes how many objects each question is about, and which commands were started."""

    def __init__(self, where: place.Place, reader: kept.Kept) -> None:
        super().__init__(where, lock=2, reader=reader)  # git inherits it: any that is open
        self.asked: list[int] = []
        self.ran: list[str] = []

    def ask(self, *commands: str, most: int) -> process.Ended:
        self.asked.append(len(commands))
        return super().ask(*commands, most=most)

    def run(self, *arguments: str, **options: Any) -> process.Ended:
        self.ran.append(arguments[0])
        return super().run(*arguments, **options)


@pytest_asyncio.fixture
async def first(upstream: gitserver.Upstream, local: Look) -> str:
    """A commit that is in the mirror."""
    revision = upstream.commit({"a": "one", "big": "x" * 50_000, "trap": "end.0 missing\n\0flush\n"})
    repository = local(upstream)
    await repository.fetch(revision)
    await repository.close()
    return revision


@pytest.fixture
def where(upstream: gitserver.Upstream, tmp_path: pathlib.Path) -> place.Place:
    mirror = tmp_path / "mirrors" / "deploy.git"
    return git.Place.checked("deploy", url=str(upstream.path), ref="refs/heads/main", mirror=mirror, allow_local=True)


@pytest.fixture
def reader(where: place.Place) -> Iterator[kept.Kept]:
    made = kept.Kept(where.mirror)
    yield made
    made.close()


def one(where: place.Place, reader: kept.Kept) -> process.Git:
    return process.Git(where, lock=-1, reader=reader)


def waiting(reader: kept.Kept) -> int:
    """The number of the process that waits, 0 when there is none."""
    seen = reader.look()
    found = reader.take(seen)
    if found is None:
        return 0
    reader.give(found, seen)
    return found.pid


def contents(where: place.Place, reader: kept.Kept, name: str, *, most: int = MOST) -> bytes:
    ended = one(where, reader).ask(f"contents {name}", most=most)
    assert ended.fine
    return ended.out.partition(b"\n")[2].removesuffix(b"\n")


def test_one_process_answers_every_question(first: str, where: place.Place, reader: kept.Kept) -> None:
    assert contents(where, reader, f"{first}:a") == b"one"
    its = waiting(reader)
    assert its
    assert contents(where, reader, f"{first}:trap") == b"end.0 missing\n\0flush\n"
    assert contents(where, reader, f"{first}:big") == b"x" * 50_000
    ended = one(where, reader).ask(f"info {first}:nothing", f"info {first}:a", f"info {'0' * 40}", most=MOST)
    rows = ended.out.split(b"\n")
    assert (rows[0], rows[2]) == (f"{first}:nothing missing".encode(), f"{'0' * 40} missing".encode())
    assert rows[1].endswith(b" blob 3")
    assert waiting(reader) == its


async def test_what_was_fetched_after_its_start_is_seen(
    first: str, upstream: gitserver.Upstream, local: Look, where: place.Place, reader: kept.Kept
) -> None:
    second = upstream.commit({"a": "two"})
    assert one(where, reader).ask(f"info {second}", most=MOST).out == f"{second} missing\n".encode()
    its = waiting(reader)
    await local(upstream).fetch(second)
    assert contents(where, reader, f"{second}:a") == b"two"
    assert waiting(reader) == its


def test_one_that_died_is_replaced(first: str, where: place.Place, reader: kept.Kept) -> None:
    contents(where, reader, f"{first}:a")
    its = waiting(reader)
    os.kill(its, signal.SIGKILL)
    assert contents(where, reader, f"{first}:a") == b"one"
    assert waiting(reader) not in (0, its)


async def test_one_that_dies_while_it_is_asked_is_replaced(first: str, where: place.Place, reader: kept.Kept) -> None:
    contents(where, reader, f"{first}:a")
    its = waiting(reader)
    os.kill(its, signal.SIGSTOP)
    asked = asyncio.ensure_future(asyncio.to_thread(contents, where, reader, f"{first}:big"))
    await until(lambda: not held(reader))
    os.kill(its, signal.SIGKILL)
    assert await asked == b"x" * 50_000
    assert not alive(its)


def test_a_new_one_that_dies_has_said_nothing(
    first: str, where: place.Place, reader: kept.Kept, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, "printf 'half an ans'; kill -9 $$")
    ended = one(where, reader).ask(f"info {first}", most=MOST)
    assert (ended.fine, ended.spoke) == (False, False)
    assert waiting(reader) == 0


def test_one_that_hangs_is_stopped_at_the_deadline(
    first: str, where: place.Place, reader: kept.Kept, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline passes as soon as the process has begun, however long that takes."""
    asked = one(dataclasses.replace(where, timeouts=git.Timeouts(local=0.2)), reader)
    its = tmp_path / "its"
    fake(tmp_path, monkeypatch, f"echo $$ > {its}.new; mv {its}.new {its}; exec sleep 1000")
    with monkeypatch.context() as late, pytest.raises(errors.Transient, match=r"took more than 0\.2 s"):
        late.setattr(time, "monotonic", lambda: 1_000.0 * its.exists())
        reading.oids(asked, first, ["a"], known=trees.Known())
    assert not alive(int(its.read_text()))
    monkeypatch.undo()
    assert contents(where, reader, f"{first}:a") == b"one"


@pytest.mark.parametrize("doing", ["listing", "descends"])
async def test_the_many_questions_of_one_answer_share_a_deadline(
    doing: str,
    upstream: gitserver.Upstream,
    local: Look,
    where: place.Place,
    reader: kept.Kept,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each look at the clock takes a second here, and each question several: one alone is in time."""
    first = newest = upstream.commit({f"{'d/' * 29}a": "a"})
    for number in range(29):
        newest = upstream.commit({"n": str(number)})
    await local(upstream).fetch(newest)
    asked = Noting(dataclasses.replace(where, timeouts=git.Timeouts(local=40)), reader)
    with monkeypatch.context() as slow, pytest.raises(errors.Transient, match="took more than 40 s"):
        slow.setattr(time, "monotonic", functools.partial(next, itertools.count(1)))
        if doing == "listing":
            reading.listing(asked, newest, ["d"])
        else:
            reading.descends(asked, newest, ancestor=first)
    assert len(asked.asked) > 2


@pytest.mark.parametrize("files", [98, 99, 100])
async def test_a_folder_of_too_many_files_is_no_question_about_each(
    files: int, upstream: gitserver.Upstream, local: Look, where: place.Place, reader: kept.Kept
) -> None:
    revision = upstream.commit({f"app/{number}": str(number) for number in range(99)})
    await local(upstream).fetch(revision)
    asked = Noting(dataclasses.replace(where, limits=git.Limits(files=files)), reader)
    if files < 99:
        with pytest.raises(errors.InvalidInput, match="more than 98 files"):
            reading.listing(asked, revision, ["app"])
        assert asked.asked == [2, 1, 1]
    else:
        assert len(reading.listing(asked, revision, ["app"])) == 99
        assert asked.asked == [2, 1, 1, 99]


def test_more_than_the_limit_ends_it(first: str, where: place.Place, reader: kept.Kept) -> None:
    contents(where, reader, f"{first}:a")
    its = waiting(reader)
    ended = one(where, reader).ask(f"contents {first}:big", most=10_000)
    assert ended.stop is process.Stop.FLOODED
    assert len(ended.out) < 11_000
    assert not alive(its)
    assert contents(where, reader, f"{first}:a") == b"one"


def test_a_git_without_the_command_is_named(
    first: str, where: place.Place, reader: kept.Kept, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, 'echo "error: unknown option \\`batch-command=%(objectname)\'" >&2; exit 129')
    with pytest.raises(errors.Terminal, match=r"install git 2\.36 or newer"):
        one(where, reader).ask(f"info {first}", most=MOST)


def test_one_that_complains_is_not_asked_again(
    first: str, where: place.Place, reader: kept.Kept, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, 'echo "error: it rains" >&2; exec /usr/bin/env PATH="$OLD" git "$@"')
    ended = one(where, reader).ask(f"info {first}", most=MOST)
    assert (ended.fine, ended.err) == (True, "error: it rains\n")
    assert waiting(reader) == 0


def test_a_lost_pack_is_noticed(first: str, where: place.Place, reader: kept.Kept) -> None:
    """Its files are still mapped: what it says would be true of a mirror that is no more."""
    contents(where, reader, f"{first}:a")
    its = waiting(reader)
    for pack in (where.mirror / "objects/pack").iterdir():
        pack.unlink()
    assert one(where, reader).ask(f"info {first}", most=MOST).out == f"{first} missing\n".encode()
    assert not alive(its)


async def test_questions_at_once_get_their_own_answers(first: str, where: place.Place, reader: kept.Kept) -> None:
    names = [f"{first}:{name}" for name in ("a", "big", "trap")] * 4
    found = await asyncio.gather(*(asyncio.to_thread(contents, where, reader, name) for name in names))
    assert found == [b"one", b"x" * 50_000, b"end.0 missing\n\0flush\n"] * 4
    assert len(readers(where)) == 1


def test_questions_at_once_take_turns(first: str, where: place.Place) -> None:
    """One after the other they need one process."""
    with contextlib.closing(kept.Kept(where.mirror, patience=60)) as reader:
        contents(where, reader, f"{first}:a")
        its = waiting(reader)
        asked = threading.Thread(target=contents, args=(where, reader, f"{first}:big"))
        with reader.turn():
            asked.start()
            assert held(reader)
        asked.join()
        assert waiting(reader) == its


def test_nobody_waits_long_for_a_question_that_hangs(first: str, where: place.Place, reader: kept.Kept) -> None:
    with reader.turn():
        assert contents(where, reader, f"{first}:a") == b"one"


def test_what_is_kept_already_is_kept_by_no_command(first: str, where: place.Place, reader: kept.Kept) -> None:
    asked = Noting(where, reader)
    writing.keep(asked, first)
    writing.keep(asked, first)
    assert asked.ran == ["update-ref"]
    its = where.mirror / writing.KEPT / first
    its.write_text(f"{'0' * 40}\n")
    writing.keep(asked, first)
    assert asked.ran == ["update-ref", "update-ref"]
    assert its.read_text() == f"{first}\n"


async def test_a_question_that_is_given_up_leaves_no_process(first: str, where: place.Place, reader: kept.Kept) -> None:
    contents(where, reader, f"{first}:a")
    its = waiting(reader)
    os.kill(its, signal.SIGSTOP)
    question = one(where, reader)
    asked = asyncio.ensure_future(asyncio.to_thread(question.ask, f"info {first}", most=MOST))
    await until(lambda: not held(reader))
    question.halt()
    with pytest.raises(errors.Transient, match="stopped before git had finished"):
        await asked
    assert readers(where) == []


def test_nothing_is_left_after_close(first: str, where: place.Place, reader: kept.Kept) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        contents(where, reader, f"{first}:a")
    reader.close()
    assert readers(where) == []
    contents(where, reader, f"{first}:a")  # one that was under way meanwhile
    assert readers(where) == []
    assert len(os.listdir("/proc/self/fd")) == before


def held(reader: kept.Kept) -> bool:
    """To take it would disturb the question that is about to."""
    return reader._waiting is not None


def fake(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A git that does `script`; the real search path is in OLD."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "git").write_text(f"#!/bin/sh\nOLD='{os.environ['PATH']}'\n{script}\n")
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a process of another thread sets no event
            await asyncio.sleep(0.01)


def alive(number: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, 0)
        return True
    return False


def readers(where: place.Place) -> list[int]:
    """Processes that read the mirror."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            mine = f"GIT_DIR={where.mirror}".encode() in (entry / "environ").read_bytes().split(b"\0")
            if b"cat-file" in words and mine:
                found.append(int(entry.name))
    return found
