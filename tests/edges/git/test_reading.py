"""Reading a revision: content is data (I8), bounded (I10), and absent is said, never guessed (I6)."""

import asyncio
import pathlib
import tracemalloc
from collections.abc import Callable

import pytest

from reconciler import errors
from reconciler.edges import git
from reconciler.edges.git import reading
from tests.support import gitserver

Look = Callable[..., git.GitRepository]
WEB = "desired-state/production/web"


async def refusal(repository: git.GitRepository, revision: str, path: str = WEB) -> str:
    with pytest.raises(errors.InvalidInput) as caught:
        await repository.files(revision, [path])
    return str(caught.value)


async def test_files_folders_and_oids(upstream: gitserver.Upstream, local: Look) -> None:
    first = upstream.commit({f"{WEB}/web.yaml": "a: 1\n", f"{WEB}/deep/b.yaml": "b", f"{WEB}-two/c.yaml": "c"})
    second = upstream.commit({f"{WEB}/web.yaml": "a: 2\n", "README.md": "hello"})
    repository = local(upstream)
    assert await repository.head() == second
    read = await repository.files(second, [WEB])
    assert [(file.path, file.content) for file in read] == [
        (f"{WEB}/deep/b.yaml", b"b"),
        (f"{WEB}/web.yaml", b"a: 2\n"),
    ]
    assert [file.content for file in await repository.files(first, [f"{WEB}/web.yaml"])] == [b"a: 1\n"]
    assert await repository.files(second, ["desired-state/nothing"]) == ()
    assert await repository.folders(second, "desired-state/production") == ("web", "web-two")
    assert await repository.folders(second, "desired-state/nothing") == ()
    assert await repository.folders(second, "README.md") == ()
    before, after = [
        await repository.oids(revision, [WEB, f"{WEB}-two", "nothing", "README.md"]) for revision in (first, second)
    ]
    assert before[WEB] != after[WEB]
    assert before[f"{WEB}-two"] == after[f"{WEB}-two"]
    assert after["nothing"] == before["README.md"] == ""
    assert read[1].oid == (await repository.oids(second, [f"{WEB}/web.yaml"]))[f"{WEB}/web.yaml"]


async def test_history(upstream: gitserver.Upstream, local: Look) -> None:
    commits = [upstream.commit({"n": str(n)}, message=f"change {n}\n\nbody") for n in range(4)]
    other = upstream.commit({"n": "x"}, branch="other", onto=commits[0])
    repository = local(upstream)
    assert await repository.descends(commits[3], ancestor=commits[0])
    assert await repository.descends(commits[3], ancestor=commits[3])
    assert not await repository.descends(commits[0], ancestor=commits[3])
    assert not await repository.descends(commits[3], ancestor=other)
    log = await repository.log(commits[3], older=commits[0], limit=2)
    assert [commit.revision for commit in log] == [commits[3], commits[2]]
    info = await repository.commit_info(commits[1])
    assert (info.author, info.subject, info.parents) == ("Dev <dev@example.test>", "change 1", (commits[0],))
    assert info.at[10] == "T"
    with pytest.raises(errors.Terminal, match="does not hold"):
        await repository.log(commits[3], older=other, limit=2)


async def test_a_long_history_and_a_merged_one(upstream: gitserver.Upstream, local: Look) -> None:
    """More generations than are read commit by commit: git's own walk says the same."""
    commits = [upstream.commit({"n": str(n)}) for n in range(reading.GENERATIONS + 3)]
    side = upstream.commit({"side": "1"}, branch="side", onto=commits[1])
    tree = upstream.git("rev-parse", f"{commits[2]}^{{tree}}")
    merge = upstream.git("commit-tree", tree, "-p", commits[2], "-p", side, "-m", "merge")
    book = upstream.commit({"n": "book"}, message="x" * (reading.COMMIT_BYTES + 1_000))
    upstream.git(
        "update-ref", "refs/heads/main", upstream.git("commit-tree", tree, "-p", merge, "-p", book, "-m", "all")
    )
    repository, head = local(upstream), upstream.git("rev-parse", "refs/heads/main")
    truths = [(head, commits[0]), (head, side), (merge, side), (merge, commits[0]), (book, commits[-1])]
    lies = [(commits[-1], side), (merge, commits[3]), (commits[0], commits[1]), (commits[2], "0" * 40), (merge, book)]
    await repository.fetch(head)
    for newer, older in truths + lies:
        assert await repository.descends(newer, ancestor=older) is ((newer, older) in truths)


async def test_folders_as_git_lists_them(upstream: gitserver.Upstream, local: Look) -> None:
    """Few, deeper and more of them than are read one by one; a program; what stands in no path that was asked for."""
    blob = upstream.git("hash-object", "-w", "--stdin", given=b"1")
    leaf = upstream.git("mktree", given=f"100644 blob {blob}\ta\n100755 blob {blob}\tb.sh\n".encode())
    rows = "".join(f"040000 tree {leaf}\td{n:04}\n" for n in range(reading.TREES + 1))
    broad, deep = upstream.git("mktree", given=rows.encode()), leaf
    for _ in range(reading.LEVELS + 1):
        deep = upstream.git("mktree", given=f"040000 tree {deep}\tn\n".encode())
    root = {"broad": broad, "deep": deep, "few": leaf, "few-more": leaf}
    rows = "".join(f"040000 tree {tree}\t{name}\n" for name, tree in root.items())
    revision = upstream.git("commit-tree", upstream.git("mktree", given=rows.encode()), "-m", "all")
    upstream.git("update-ref", "refs/heads/main", revision)
    repository = local(upstream)
    for paths in (
        ["few"],
        ["few/a", "few"],
        ["few", "few-more/b.sh"],
        ["deep"],
        ["broad"],
        ["broad", "few"],
        ["none/x"],
    ):
        listed = upstream.git("ls-tree", "-r", "--name-only", revision, "--", *paths).split()
        assert [file.path for file in await repository.files(revision, paths)] == sorted(listed)


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        (f"{WEB}/vendor", gitserver.Submodule("a" * 40), "web/vendor is a submodule"),
        (f"{WEB}/a.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "LFS pointer"),
        (f"{WEB}/bad\udcff.yaml", "a", r"bad\xff.yaml is not named in UTF-8"),
        (f"{WEB}/x\n.yaml", "a", r"x\n.yaml holds control characters"),
        (f"{WEB}/\x1b[2J.yaml", "a", r"\x1b[2J.yaml holds control characters"),
        (f"{WEB}/big.yaml", b"0" * 5001, "big.yaml has 5001 bytes"),
    ],
)
@pytest.mark.row("GIT-07", "GIT-24", "GIT-25", "GIT-27")
async def test_refused_content_is_named(
    upstream: gitserver.Upstream, local: Look, path: str, content: gitserver.Content, said: str
) -> None:
    revision = upstream.commit({path.encode("utf-8", "surrogateescape"): content, "other/good.yaml": "good"})
    repository = local(upstream, limits=git.Limits(file_bytes=5000))
    assert said in await refusal(repository, revision)
    # …and nobody else is held up by it
    assert [file.content for file in await repository.files(revision, ["other"])] == [b"good"]
    assert await repository.oids(revision, [WEB])


@pytest.mark.row("GIT-07")
async def test_a_submodule_and_what_is_in_it_are_absent(upstream: gitserver.Upstream, local: Look) -> None:
    revision = upstream.commit({"real/a": "a", "sub": gitserver.Submodule("a" * 40)})
    found = await local(upstream).oids(revision, ["sub", "sub/a", "real/a"])
    assert [bool(found[path]) for path in ("sub", "sub/a", "real/a")] == [False, False, True]


@pytest.mark.row("GIT-25")
async def test_names_that_only_look_alike_stay_apart(upstream: gitserver.Upstream, local: Look) -> None:
    names = ["A.yaml", "a.yaml", "é.yaml", "e\u0301.yaml", "日本.yaml", "-rf", ":(glob)*", "a b.yaml", "--output=x"]
    revision = upstream.commit({f"{WEB}/{name}": f"<{name}>" for name in names})
    repository = local(upstream)
    files = await repository.files(revision, [WEB])
    assert [file.path for file in files] == sorted(f"{WEB}/{name}" for name in names)
    for file in files:
        assert file.content.decode() == f"<{file.path.removeprefix(f'{WEB}/')}>"
        assert await repository.files(revision, [file.path]) == (file,)
        assert (await repository.oids(revision, [file.path]))[file.path] == file.oid


@pytest.mark.row("GIT-24")
async def test_a_foreign_folder_name_does_not_hide_the_others(upstream: gitserver.Upstream, local: Look) -> None:
    revision = upstream.commit({b"apps/bad\xff/a": "a", "apps/web/a": "a", "apps/file": "f"})
    assert await local(upstream).folders(revision, "apps") == ("bad\\xff", "web")


@pytest.mark.row("GIT-22")
async def test_too_many_files_and_too_many_bytes(upstream: gitserver.Upstream, local: Look) -> None:
    revision = upstream.commit({f"many/{n}.yaml": f"{n:0100}" for n in range(30)})
    few = local(upstream, limits=git.Limits(files=29))
    assert "more than 29 files" in await refusal(few, revision, "many")
    small = local(upstream, limits=git.Limits(total_bytes=2999))
    assert "more than 2999 bytes" in await refusal(small, revision, "many")


@pytest.mark.row("GIT-22")
async def test_a_tree_bomb_is_cut_off(upstream: gitserver.Upstream, local: Look) -> None:
    """84 KB that list ten million paths (rows.toml GIT-22)."""
    blob = upstream.git("hash-object", "-w", "--stdin", given=b"bomb")
    tree = upstream.git("mktree", given="".join(f"100644 blob {blob}\tf{n}\n" for n in range(10)).encode())
    for _ in range(6):
        tree = upstream.git("mktree", given="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)).encode())
    commit = upstream.git("commit-tree", tree, "-m", "bomb")
    upstream.git("update-ref", "refs/heads/main", commit)
    assert "more than 5000 files" in await refusal(local(upstream), commit, "d1")


def many_folders(upstream: gitserver.Upstream, blob: str) -> str:
    """A thousand folders that share one of 1,200 files."""
    rows = "".join(f"100644 blob {blob}\tf{n}\n" for n in range(1_200))
    broad = upstream.git("mktree", given=rows.encode())
    return upstream.git("mktree", given="".join(f"040000 tree {broad}\td{n}\n" for n in range(1_000)).encode())


def long_names(upstream: gitserver.Upstream, blob: str) -> str:
    """Each of the files bears those of all its folders in its path."""
    rows = "".join(f"100644 blob {blob}\tf{n}\n" for n in range(1_000))
    folder = upstream.git("mktree", given=rows.encode())
    for _ in range(20):
        folder = upstream.git("mktree", given=f"040000 tree {folder}\t{'x' * 4_000}\n".encode())
    return folder


@pytest.mark.parametrize("bomb", [many_folders, long_names])
@pytest.mark.row("GIT-22")
async def test_a_small_tree_bomb_takes_no_memory(
    upstream: gitserver.Upstream, local: Look, bomb: Callable[[gitserver.Upstream, str], str]
) -> None:
    """The first took 444 MiB before it was refused: each tree was short, and was read once, but listed at each path."""
    tree = bomb(upstream, upstream.git("hash-object", "-w", "--stdin", given=b"bomb"))
    root = upstream.git("mktree", given=f"040000 tree {tree}\tapp\n".encode())
    commit = upstream.git("commit-tree", root, "-m", "bomb")
    upstream.git("update-ref", "refs/heads/main", commit)
    repository = local(upstream, limits=git.Limits(files=1_000))
    await repository.fetch(commit)
    tracemalloc.start()
    try:
        assert "more than 1000 files" in await refusal(repository, commit, "app")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


async def test_a_folder_that_only_git_can_read_is_left_to_git(upstream: gitserver.Upstream, local: Look) -> None:
    """Git lets a mode that is none pass, so the mirror is not damaged because of it."""
    blob = upstream.git("hash-object", "-w", "--stdin", given=b"1")
    raw = b"644 a\0" + bytes.fromhex(blob)
    tree = upstream.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", given=raw)
    root = upstream.git("mktree", given=f"040000 tree {tree}\tapp\n".encode())
    commit = upstream.git("commit-tree", root, "-m", "old")
    upstream.git("update-ref", "refs/heads/main", commit)
    assert "app/a is a submodule" in await refusal(local(upstream), commit, "app")


@pytest.mark.row("GIT-22")
async def test_a_huge_blob_is_refused_by_its_size_alone(upstream: gitserver.Upstream, local: Look) -> None:
    revision = upstream.commit({"big/zeros": bytes(64 << 20)})
    repository = local(upstream)
    assert f"has {64 << 20} bytes" in await refusal(repository, revision, "big")


@pytest.mark.row("GIT-12")
async def test_replace_refs_show_nobody_other_bytes(upstream: gitserver.Upstream, local: Look) -> None:
    good = upstream.commit({"a": "good"})
    evil = upstream.commit({"a": "evil"}, branch="evil", onto="")
    upstream.git("update-ref", f"refs/replace/{good}", evil)
    repository = local(upstream)
    assert [file.content for file in await repository.files(good, ["a"])] == [b"good"]


@pytest.mark.parametrize("size", [10, 1_000, 300_000])
@pytest.mark.row("GIT-24")
async def test_messages_are_made_printable(upstream: gitserver.Upstream, local: Look, size: int) -> None:
    revision = upstream.commit({"a": "a"}, message=b"evil \x1b[31m \xff\xfe " + b"x" * size)
    info = await local(upstream).commit_info(revision)
    assert info.subject.startswith("evil")
    assert "\x1b" not in info.subject
    assert len(info.subject) <= 300


@pytest.mark.parametrize("word", ["--output=pwn", "-rf", "HEAD", "main", "../x"])
@pytest.mark.row("GIT-02", "GIT-03")
async def test_no_word_becomes_an_option(
    upstream: gitserver.Upstream, local: Look, tmp_path: pathlib.Path, word: str
) -> None:
    revision = upstream.commit({"a": "a"})
    repository = local(upstream)
    for question in (
        repository.fetch(word),
        repository.keep(word),
        repository.oids(word, ["a"]),
        repository.folders(word, "a"),
        repository.files(word, ["a"]),
        repository.commit_info(word),
        repository.log(revision, older=word, limit=1),
        repository.descends(revision, ancestor=word),
        repository.push(word, expected=revision),
        repository.commit_restoring(parent=revision, paths=["a"], source=word, message="m"),
    ):
        with pytest.raises(errors.InvalidInput):
            await question
    assert not list(tmp_path.rglob("pwn"))  # noqa: ASYNC240 - a test looks at its own files


async def test_the_environment_of_the_daemon_does_not_reach_git(
    upstream: gitserver.Upstream, local: Look, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """Hostile or merely unlucky variables: each would redirect git, make it run something, or print."""
    traps = {
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "nowhere"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_SSH_COMMAND": f"touch {tmp_path}/pwn",
        "GIT_ASKPASS": f"{tmp_path}/askpass",
        "GIT_EXTERNAL_DIFF": f"touch {tmp_path}/pwn",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='broken'",
        "GIT_TRACE": "1",
        "GIT_NAMESPACE": "elsewhere",
    }
    repository = local(upstream)
    revision = upstream.commit({"a": "a"})
    for name, value in traps.items():
        monkeypatch.setenv(name, value)
    assert await repository.head() == revision
    assert [file.content for file in await repository.files(revision, ["a"])] == [b"a"]
    assert not (tmp_path / "pwn").exists()


@pytest.mark.row("GIT-29")
async def test_many_questions_at_once_while_commits_come_in(upstream: gitserver.Upstream, local: Look) -> None:
    """rows.toml GIT-29: each answer belongs to its revision."""
    repository = local(upstream)

    async def ask(number: int, revision: str) -> None:
        await repository.fetch(revision)
        (file,) = await repository.files(revision, ["n"])
        assert file.content == str(number).encode()
        await repository.keep(revision)

    for start in range(0, 12, 4):
        revisions = {n: upstream.commit({"n": str(n)}) for n in range(start, start + 4)}
        await asyncio.gather(*(ask(n, revision) for n, revision in revisions.items() for _ in range(2)))
