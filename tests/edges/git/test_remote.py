"""Talking to a real HTTPS Git server: polls, outages, races, the revert commit."""

import asyncio
import contextlib
import functools
import os
import pathlib
from collections.abc import Callable

import pytest

from reconciler import errors, ports
from reconciler.edges import git
from tests.clusterkit import access
from tests.support import gitserver, site

Look = Callable[..., git.GitRepository]
WEB, API = "desired-state/production/web", "desired-state/production/api"


@pytest.mark.row("GIT-12")
async def test_the_exact_ref_and_no_other(served: gitserver.Upstream, remote: Look) -> None:
    """rows.toml GIT-12: a tag of the same name, longer branches, a branch named like a commit."""
    main = served.commit({"a": "main"})
    other = served.commit({"a": "other"}, branch="other", onto="")
    for name in ("refs/tags/main", "refs/heads/foo/main", f"refs/heads/{main}", "refs/remotes/x/refs/heads/main"):
        served.git("update-ref", name, other)
    repository = remote(served)
    assert await repository.head() == main
    assert [file.content for file in await repository.files(main, ["a"])] == [b"main"]


async def test_a_poll_without_news_is_one_question(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look
) -> None:
    revision = served.commit({"a": "1"})
    repository = remote(served)
    await repository.fetch(await repository.head())
    server.asked.clear()
    await repository.fetch(revision)
    assert server.asked == []
    assert await repository.head() == revision
    assert {asked.path.rsplit("/", 1)[-1] for asked in server.asked} == {
        "refs?service=git-upload-pack",
        "git-upload-pack",
    }


async def test_only_the_pinned_ref_is_fetched(served: gitserver.Upstream, remote: Look, tmp_path: pathlib.Path) -> None:
    main = served.commit({"a": "main"})
    secret = served.commit({"b": "other"}, branch="other", onto="")
    served.git("update-ref", "refs/replace/" + main, secret)
    served.git("tag", "v1", main)
    await remote(served).fetch(main)
    mirror = gitserver.Upstream(tmp_path / "mirrors" / "deploy.git", "")
    assert mirror.git("for-each-ref", "--format=%(refname)").startswith("refs/reconciler/head/")
    assert "\n" not in mirror.git("for-each-ref")
    assert secret not in mirror.git("cat-file", "--batch-all-objects", "--batch-check")


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, errors.Terminal, "refuses the credentials: write valid ones into .*token"),
        (403, errors.Terminal, "forbids the access"),
        (404, errors.Terminal, "was not found, or the credentials may not see it"),
        (429, errors.Transient, "cannot be read"),
        (500, errors.Transient, "cannot be read"),
        (502, errors.Transient, "cannot be read"),
        (503, errors.Transient, "cannot be read"),
    ],
)
@pytest.mark.row("GIT-16")
async def test_refusals_of_the_server(
    server: gitserver.Server,
    served: gitserver.Upstream,
    remote: Look,
    status: int,
    error: type[errors.ReconcilerError],
    said: str,
) -> None:
    revision = served.commit({"a": "1"})
    repository = remote(served)
    server.status = status
    for question in (repository.head(), repository.fetch(revision), repository.files(revision, ["a"])):
        with pytest.raises(error, match=said) as caught:
            await question
        assert type(caught.value) is error
        assert gitserver.PASSWORD not in str(caught.value)
    server.status = 0
    assert await repository.head() == revision


@pytest.mark.row("GIT-16")
async def test_an_outage_and_the_recovery(server: gitserver.Server, served: gitserver.Upstream, remote: Look) -> None:
    revision = served.commit({"a": "1"})
    repository = remote(served)
    server.down()
    with pytest.raises(errors.Transient, match="cannot be read"):
        await repository.head()
    server.up()
    assert await repository.head() == revision
    await repository.fetch(revision)
    server.down()  # what is in the mirror stays readable
    assert [file.content for file in await repository.files(revision, ["a"])] == [b"1"]


def half(answer: bytes) -> bytes:
    return answer[: len(answer) // 2]


def without_its_end(answer: bytes) -> bytes:
    return answer[:-30]


def with_a_wrong_byte(answer: bytes) -> bytes:
    return answer[:-200] + bytes([answer[-200] ^ 0xFF]) + answer[-199:]


@pytest.mark.parametrize("spoilt", [half, without_its_end, with_a_wrong_byte])
@pytest.mark.row("GIT-16", "GIT-19", "GIT-21")
async def test_a_pack_that_is_spoilt_on_its_way_costs_no_mirror(
    server: gitserver.Server,
    served: gitserver.Upstream,
    remote: Look,
    tmp_path: pathlib.Path,
    spoilt: Callable[[bytes], bytes],
) -> None:
    """Git complains of corruption then, too; last good must stay readable however often that happens."""
    good = served.commit({"a": "1"})
    repository = remote(served)
    await repository.fetch(good)
    newer = served.commit({"b": os.urandom(20_000).hex()})
    server.spoil_packs = spoilt
    for _ in range(3):
        with pytest.raises(errors.Transient, match="cannot be read") as caught:
            await repository.fetch(newer)
        assert type(caught.value) is errors.Transient
    server.down()
    assert [file.content for file in await repository.files(good, ["a"])] == [b"1"]
    server.up()
    server.spoil_packs = None
    await repository.fetch(newer)
    mirror = tmp_path / "mirrors" / "deploy.git"
    assert not mirror.with_name("deploy.git.damaged").exists()
    assert list(mirror.glob("objects/pack/tmp_*")) == []


@pytest.mark.row("GIT-16")
async def test_a_silent_server_costs_the_deadline_and_leaves_no_process(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look
) -> None:
    served.commit({"a": "1"})
    repository = remote(served, timeouts=git.Timeouts(head=0.5))
    server.silent = True
    with pytest.raises(errors.Transient, match="did not answer in time"):
        await repository.head()
    await gone(str(server.port))


async def test_cancelling_kills_git(server: gitserver.Server, served: gitserver.Upstream, remote: Look) -> None:
    served.commit({"a": "1"})
    repository = remote(served)
    server.silent = True
    question = asyncio.ensure_future(repository.head())
    await asyncio.to_thread(server.heard.wait, 20)
    question.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await question
    assert question.cancelled()
    await gone(str(server.port))


@pytest.mark.row("GIT-16")
async def test_a_missing_ref_is_said_and_never_created(served: gitserver.Upstream, remote: Look) -> None:
    repository = remote(served)
    with pytest.raises(errors.RefMissing, match="has no refs/heads/main"):
        await repository.head()  # an empty repository
    first = served.commit({"a": "1"})
    second = served.commit({"a": "2"})
    await repository.fetch(second)
    served.git("update-ref", "-d", "refs/heads/main")
    with pytest.raises(errors.RefMissing):
        await repository.head()
    commit = await repository.commit_restoring(parent=second, paths=["a"], source=first, message="Revert")
    with pytest.raises(errors.RefMissing):
        await repository.push(commit, expected=second)
    assert served.head() == ""


@pytest.mark.row("GIT-16")
async def test_an_untrusted_certificate(served: gitserver.Upstream, remote: Look) -> None:
    served.commit({"a": "1"})
    with pytest.raises(errors.Terminal, match=r"is not trusted: .*certificate.*ca_file"):
        await remote(served, ca_file=None).head()


@pytest.mark.row("GIT-28")
async def test_credentials_go_to_their_own_host_only(
    server: gitserver.Server,
    served: gitserver.Upstream,
    remote: Look,
    tmp_path: pathlib.Path,
    certificate: tuple[pathlib.Path, pathlib.Path],
) -> None:
    """rows.toml GIT-28: a redirect is not followed, so the sink hears nothing."""
    served.commit({"a": "1"})
    with gitserver.running(tmp_path / "sink", certificate=certificate) as sink:
        server.redirect = sink.url
        with pytest.raises(errors.Terminal, match="redirects elsewhere"):
            await remote(served).head()
        assert sink.asked == []


async def test_credentials_are_in_no_argument_and_no_file(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look, tmp_path: pathlib.Path
) -> None:
    revision = served.commit({"a": "1"})
    repository = remote(served)
    await repository.fetch(revision)
    server.silent = True
    server.heard.clear()
    question = asyncio.ensure_future(repository.head())
    await asyncio.to_thread(server.heard.wait, 20)
    running = children_with(str(server.port))
    assert running  # git and git-remote-https
    assert not [line for line in running if gitserver.PASSWORD in line or "Authorization" in line]
    question.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await question
    held = (tmp_path / "mirrors").rglob("*")
    assert not [path for path in held if path.is_file() and gitserver.PASSWORD.encode() in path.read_bytes()]


async def test_rotated_credentials_are_read_again(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look, secret_file: pathlib.Path
) -> None:
    revision = served.commit({"a": "1"})
    repository = remote(served)
    assert await repository.head() == revision
    server.password = "rotated"
    with pytest.raises(errors.Terminal, match=str(secret_file)):
        await repository.head()
    secret_file.write_text("rotated")  # noqa: ASYNC240 - a test writes its own file
    assert await repository.head() == revision


async def test_missing_credentials(served: gitserver.Upstream, remote: Look) -> None:
    with pytest.raises(errors.Terminal, match="asks for credentials, and none are configured"):
        await remote(served, credentials=None).head()


@pytest.mark.row("GIT-14")
async def test_rewritten_history_is_readable_and_visible(served: gitserver.Upstream, remote: Look) -> None:
    """rows.toml GIT-14: both sides can be read, and last good survives."""
    base = served.commit({"a": "base"})
    old = served.commit({"a": "old"})
    repository = remote(served)
    await repository.fetch(old)
    await repository.keep(old)
    new = served.commit({"a": "new"}, onto=base)
    assert await repository.head() == new
    assert not await repository.descends(new, ancestor=old)
    assert await repository.descends(new, ancestor=base)
    assert [file.content for file in await repository.files(old, ["a"])] == [b"old"]
    unrelated = served.commit({"a": "alone"}, onto="")
    assert not await repository.descends(unrelated, ancestor=base)


async def test_a_ref_that_moves_between_poll_and_fetch(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look
) -> None:
    base = served.commit({"a": "0"})
    first = served.commit({"a": "1"})
    repository = remote(served)
    assert await repository.head() == first
    served.commit({"a": "2"})
    await repository.fetch(first)  # still in the history
    seen = served.commit({"a": "3"})
    assert await repository.head() == seen
    served.commit({"a": "4"}, onto=base)
    with pytest.raises(errors.Transient, match="the ref has moved meanwhile"):
        await repository.fetch(seen)


@pytest.mark.row("GIT-09")
async def test_hostile_trees_do_not_come_in(served: gitserver.Upstream, remote: Look) -> None:
    """rows.toml GIT-09: a tree that would write into `.git`."""
    good = served.commit({"a": "1"})
    repository = remote(served)
    await repository.fetch(good)
    blob = served.git("hash-object", "-w", "--stdin", given=b"[core]")
    inner = served.git("mktree", given=f"100644 blob {blob}\tconfig\n".encode())
    tree = served.git("mktree", given=f"040000 tree {inner}\t.git\n".encode())
    evil = served.git("commit-tree", tree, "-p", good, "-m", "evil")
    served.git("update-ref", "refs/heads/main", evil)
    with pytest.raises(errors.Terminal, match="malformed or hostile"):
        await repository.fetch(evil)
    assert [file.content for file in await repository.files(good, ["a"])] == [b"1"]


@pytest.mark.row("GIT-22", "GIT-23")
async def test_a_pack_beyond_the_limit(served: gitserver.Upstream, remote: Look, tmp_path: pathlib.Path) -> None:
    """rows.toml GIT-22 and GIT-23: refused, and nothing is left behind."""
    small = served.commit({"a": "1"})
    repository = remote(served, limits=git.Limits(pack_bytes=1 << 20))
    await repository.fetch(small)
    big = served.commit({"big": os.urandom(3 << 20)})
    with pytest.raises(errors.Terminal, match=f"more than {1 << 20} bytes"):
        await repository.fetch(big)
    mirror = tmp_path / "mirrors" / "deploy.git"
    assert not list(mirror.rglob("tmp_*"))
    assert [file.content for file in await repository.files(small, ["a"])] == [b"1"]


# --- the revert commit ------------------------------------------------------------------------------------------------


async def failed_release(served: gitserver.Upstream) -> tuple[str, str]:
    """Last good, and the head after a release of web that failed while another target changed too."""
    good = served.commit({f"{WEB}/web.yaml": "v1", f"{WEB}/kept.yaml": "k", f"{API}/api.yaml": "v1", "ü": "1"})
    bad = served.commit({f"{WEB}/web.yaml": "v2", f"{WEB}/new.yaml": "n", f"{API}/api.yaml": "v2", "ü": "2"})
    return good, bad


async def test_the_revert_restores_own_paths_and_keeps_the_others(served: gitserver.Upstream, remote: Look) -> None:
    good, bad = await failed_release(served)
    repository = remote(served, author=("Reconciler", "bot@example.test"))
    message = "Revert production/web\n\nReverts: x\nRestores: ä\n"
    commit = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message=message)
    assert served.head() == bad
    pushed = await repository.push(commit, expected=bad)
    assert pushed.result is ports.PushResult.DONE
    assert served.pushes() == [gitserver.Push(bad, commit, "refs/heads/main", forced=False)]
    assert served.git("diff", "--name-only", good, commit, "--", WEB) == ""
    assert served.git("ls-tree", "-r", "--name-only", commit, "--", f"{WEB}/new.yaml") == ""
    assert served.read(f"{API}/api.yaml") == b"v2"
    assert served.git("log", "-1", "--format=%an <%ae> %cn %P%n%B", commit).startswith(
        f"Reconciler <bot@example.test> Reconciler {bad}\n{message.strip()}"
    )
    assert (await repository.oids(commit, [WEB])) == (await repository.oids(good, [WEB]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"t": "file"}, {"t": None, "t/a": "folder"}),
        ({"t/a": "folder"}, {"t": None}),
        ({"x": "no t at all"}, {"t/a/b": "new"}),
        ({"t/é": "x", "t/日本": "y", "t/a b": "z"}, {"t/é": None, "t/e\u0301": "x"}),
        ({"t/l": gitserver.Link("a"), "t/s": gitserver.Submodule("a" * 40)}, {"t": None, "t/x": "x"}),
        ({b"t/\xff\n": "bytes"}, {b"t/\xff\n": "other"}),
    ],
    ids=["file to folder", "gone", "new", "unicode", "links", "bytes"],
)
async def test_restoring_awkward_paths(
    upstream: gitserver.Upstream,
    local: Look,
    before: dict[str | bytes, gitserver.Content],
    after: dict[str | bytes, gitserver.Content],
) -> None:
    good = upstream.commit({"other": "1", **before})
    bad = upstream.commit({"other": "2"} | after)
    repository = local(upstream)
    commit = await repository.commit_restoring(parent=bad, paths=["t"], source=good, message="Revert")
    assert (await repository.push(commit, expected=bad)).result is ports.PushResult.DONE
    assert upstream.git("ls-tree", "-r", commit, "--", "t") == upstream.git("ls-tree", "-r", good, "--", "t")
    assert upstream.read("other") == b"2"


async def test_a_revert_that_changes_nothing_is_the_parent(served: gitserver.Upstream, remote: Look) -> None:
    good, _ = await failed_release(served)
    head = served.commit({f"{WEB}/web.yaml": "v1", f"{WEB}/new.yaml": None})
    repository = remote(served)
    assert await repository.commit_restoring(parent=head, paths=[WEB], source=good, message="Revert") == head


async def test_a_retry_after_a_lost_answer_pushes_the_same_commit_once(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look
) -> None:
    good, bad = await failed_release(served)
    repository = remote(served)
    commit = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="Revert")
    server.lose_answers = True
    with pytest.raises(errors.Transient, match="not known"):
        await repository.push(commit, expected=bad)
    server.lose_answers = False
    served.commit({"later": "x"})  # and somebody built on it meanwhile
    again = await repository.push(commit, expected=bad)
    assert again.result is ports.PushResult.DONE
    assert commit in again.because
    assert [push.new for push in served.pushes()] == [commit]


@pytest.mark.parametrize("moment", ["before the look", "before the listing of the push", "during the push"])
async def test_a_lost_race_is_named_and_never_forced(
    server: gitserver.Server, served: gitserver.Upstream, remote: Look, moment: str
) -> None:
    good, bad = await failed_release(served)
    repository = remote(served)
    commit = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="Revert")
    fixed: list[str] = []

    def fix() -> None:
        fixed.append(served.commit({f"{WEB}/web.yaml": "v3"}))

    match moment:
        case "before the look":
            fix()
        case "before the listing of the push":
            server.after_listing.append(fix)
        case _:
            server.before_push.append(fix)
    pushed = await repository.push(commit, expected=bad)
    assert pushed.result is ports.PushResult.RACED
    assert fixed[0] in pushed.because
    assert served.head() == fixed[0]
    assert served.pushes() == []
    rebuilt = await repository.commit_restoring(parent=fixed[0], paths=[WEB], source=good, message="Revert")
    assert (await repository.push(rebuilt, expected=fixed[0])).result is ports.PushResult.DONE
    assert [push.forced for push in served.pushes()] == [False]


async def test_a_protected_branch_refuses_with_its_own_words(served: gitserver.Upstream, remote: Look) -> None:
    good, bad = await failed_release(served)
    served.refuse_pushes("main needs a review \x1b[31m")
    repository = remote(served)
    commit = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="Revert")
    pushed = await repository.push(commit, expected=bad)
    assert pushed.result is ports.PushResult.REFUSED
    assert "main needs a review" in pushed.because
    assert "\x1b" not in pushed.because
    assert served.head() == bad


async def test_read_only_credentials_refuse(server: gitserver.Server, served: gitserver.Upstream, remote: Look) -> None:
    good, bad = await failed_release(served)
    server.read_only = True
    repository = remote(served)
    commit = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="Revert")
    pushed = await repository.push(commit, expected=bad)
    assert pushed.result is ports.PushResult.REFUSED
    assert "may read, but not push" in pushed.because


async def test_an_outage_while_pushing(server: gitserver.Server, served: gitserver.Upstream, remote: Look) -> None:
    good, bad = await failed_release(served)
    repository = remote(served)
    commit = await repository.commit_restoring(parent=bad, paths=[WEB], source=good, message="Revert")
    server.after_listing.append(lambda: setattr(server, "status", 500))
    with pytest.raises(errors.Transient, match="not known"):
        await repository.push(commit, expected=bad)
    assert served.head() == bad


@pytest.mark.parametrize(
    ("paths", "message"), [([], "m"), (["../x"], "m"), (["a"], ""), (["a"], "a\0b"), (["a"], "x" * 70_000)]
)
async def test_a_commit_that_cannot_be(
    upstream: gitserver.Upstream, local: Look, paths: list[str], message: str
) -> None:
    head = upstream.commit({"a": "1"})
    with pytest.raises(errors.InvalidInput):
        await local(upstream).commit_restoring(parent=head, paths=paths, source=head, message=message)


async def test_a_source_that_has_gone_is_terminal(upstream: gitserver.Upstream, local: Look) -> None:
    head = upstream.commit({"a": "1"})
    with pytest.raises(errors.Terminal, match="cannot be restored"):
        await local(upstream).commit_restoring(parent=head, paths=["a"], source="b" * 40, message="Revert")


async def gone(word: str) -> None:
    """Whoever is killed with its group is killed, and on a busy machine not dead at once."""
    nobody = functools.partial(access.wait_for, lambda: not children_with(word), site.PATIENCE)
    await asyncio.to_thread(nobody, what=f"no git process with {word}")


def children_with(word: str) -> list[str]:
    """Command lines of processes of this session that hold `word`; the children of git count too."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if line.startswith(("git", "env", "/usr/lib/git-core")) and word in line:
                found.append(line)
    return found
