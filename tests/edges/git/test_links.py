"""Symbolic links: followed within the repository as a checkout of it would, and nowhere else (I8)."""

import itertools
import os
import pathlib
import random
from collections.abc import Callable, Iterator, Mapping

import pytest

from reconciler import errors
from reconciler.edges import git
from reconciler.edges.git import kept, links, process, trees
from tests.support import gitserver

Look = Callable[..., git.GitRepository]
Tree = Mapping[str | bytes, gitserver.Content]
APP, BASE = "desired-state/production/web", "base"
Link = gitserver.Link


async def refusal(repository: git.GitRepository, revision: str, *paths: str) -> str:
    with pytest.raises(errors.InvalidInput) as caught:
        await repository.files(revision, paths)
    return str(caught.value)


class Reading(process.Git):
    """Notes which objects are read."""

    def __init__(self, where: git.Place, reader: kept.Kept) -> None:
        super().__init__(where, lock=2, reader=reader)  # git inherits it: any that is open
        self.read: list[str] = []
        self.asked = 0

    def ask(self, *commands: str, most: int) -> process.Ended:
        self.asked += 1
        self.read += [command for command in commands if command.startswith("contents ")]
        return super().ask(*commands, most=most)


@pytest.fixture
def reading(upstream: gitserver.Upstream, tmp_path: pathlib.Path) -> Iterator[Callable[..., Reading]]:
    """Of the mirror that `local` has made."""
    mirror = tmp_path / "mirrors" / "deploy.git"
    reader = kept.Kept(mirror)
    wanted = {"ref": "refs/heads/main", "mirror": mirror, "allow_local": True}
    yield lambda **settings: Reading(git.Place.checked("deploy", url=str(upstream.path), **wanted, **settings), reader)
    reader.close()


@pytest.mark.parametrize(
    ("tree", "paths", "read", "linked"),
    [
        ({f"{APP}/a.yaml": Link("../../../base/a.yaml")}, [APP], {f"{APP}/a.yaml": b"A"}, {"base/a.yaml"}),
        ({f"{APP}/all": Link("../../../base/")}, [APP], {f"{APP}/all/a.yaml": b"A", f"{APP}/all/in/b.yaml": b"B"},
         {"base"}),
        ({f"{APP}/b": Link("./../web/./c"), f"{APP}/c": "C"}, [APP], {f"{APP}/b": b"C", f"{APP}/c": b"C"}, set()),
        # a chain; what is on the way of one that arrives need not be watched
        ({f"{APP}/a": Link("../../../one"), "one": Link("two"), "two": Link("base/a.yaml")}, [APP], {f"{APP}/a": b"A"},
         {"base/a.yaml"}),
        # `..` leads out of the folder that is really there, not out of the link
        ({"near": Link("base/in"), f"{APP}/a": Link("../../../near/../a.yaml")}, [APP], {f"{APP}/a": b"A"},
         {"base/a.yaml"}),
        # a link in a linked folder counts from where it lies
        ({"more/up": Link("../base/a.yaml"), f"{APP}/m": Link("../../../more")}, [APP], {f"{APP}/m/up": b"A"},
         {"more", "base/a.yaml"}),
        # a path that is a link, lies behind one, or behind two
        ({"v": Link("base/a.yaml")}, ["v"], {"v": b"A"}, {"base/a.yaml"}),
        ({"charts": Link("base")}, ["charts/in"], {"charts/in/b.yaml": b"B"}, {"base/in"}),
        ({"charts": Link("c"), "c": Link("base"), "base/l": Link("in")}, ["charts/l/b.yaml"], {"charts/l/b.yaml": b"B"},
         {"base/in/b.yaml"}),
        ({"charts": Link("base"), "base/l": Link("in"), "base/k": Link("../o"), "o": "O"}, ["charts"],
         {"charts/a.yaml": b"A", "charts/in/b.yaml": b"B", "charts/l/b.yaml": b"B", "charts/k": b"O"}, {"base", "o"}),
        ({"all": Link("."), "x/y": "Y"}, ["all/x"], {"all/x/y": b"Y"}, {"x"}),
        # the same folder twice, also one in the other, is no circle
        ({f"{APP}/p": Link("../../../base"), f"{APP}/q": Link("../../../base/in")}, [APP],
         {f"{APP}/p/a.yaml": b"A", f"{APP}/p/in/b.yaml": b"B", f"{APP}/q/b.yaml": b"B"}, {"base", "base/in"}),
        ({f"l{n}": Link(f"l{n + 1}" if n < trees.MOST - 1 else "base/a.yaml") for n in range(trees.MOST)}, ["l0"],
         {"l0": b"A"}, {"base/a.yaml"}),
        ({f"{APP}/é": Link("../../../base/日"), "base/日": "J"}, [APP], {f"{APP}/é": b"J"}, {"base/日"}),
        ({f"{APP}/-rf": Link("../../../base/:(glob)*"), "base/:(glob)*": "G"}, [APP], {f"{APP}/-rf": b"G"},
         {"base/:(glob)*"}),
    ],
)  # fmt: skip
async def test_a_link_within_the_repository_is_followed(
    upstream: gitserver.Upstream, local: Look, tree: Tree, paths: list[str], read: Mapping[str, bytes], linked: set[str]
) -> None:
    revision = upstream.commit({"base/a.yaml": "A", "base/in/b.yaml": "B"} | dict(tree))
    repository = local(upstream)
    files = await repository.files(revision, paths)
    assert {file.path: file.content for file in files} == read
    assert all(
        file.through == "" or file.path == file.through or file.path.startswith(f"{file.through}/") for file in files
    )
    (found,) = (await repository.reached(revision, paths)).values()
    assert {path for path, _ in found.linked} == linked
    assert (await repository.oids(revision, paths))[paths[0]] == found.oid
    assert dict(found.linked) == await repository.oids(revision, sorted(linked))


@pytest.mark.parametrize(
    ("tree", "paths", "said", "linked"),
    [
        ({f"{APP}/a": Link("/etc/passwd")}, [APP], "web/a is a symbolic link to '/etc/passwd', an absolute path",
         set()),
        ({f"{APP}/a": Link("../../../../x")}, [APP], "'../../../../x', which leaves the repository: link by", set()),
        ({f"{APP}/a": Link("../../../../repository/base/a.yaml")}, [APP], "which leaves the repository", set()),
        ({f"{APP}/a": Link("../../../base/../../x")}, [APP], "which leaves the repository", set()),
        ({f"{APP}/a": Link("../../../out"), "out": Link("../x")}, [APP],
         "web/a is a symbolic link to '../../../out' → '../x', which leaves the repository", {"out"}),
        ({f"{APP}/a": Link("../../../root/x"), "root": Link("/")}, [APP], "→ '/', an absolute path", {"root"}),
        ({f"{APP}/a": Link("../../../base/gone/x")}, [APP], "web/a is a symbolic link to '../../../base/gone/x', and"
         " there is no base/gone: link by a relative path to what is in this repository, or commit the file itself",
         {"base/gone"}),
        ({f"{APP}/a": Link("../../../base/a.yaml/x")}, [APP], "and base/a.yaml is no folder", {"base/a.yaml"}),
        ({f"{APP}/a": Link("../../../base/a.yaml/")}, [APP], "and base/a.yaml is no folder", {"base/a.yaml"}),
        ({f"{APP}/a": Link("../../../base/a.yaml/..")}, [APP], "and base/a.yaml is no folder", {"base/a.yaml"}),
        ({f"{APP}/a": Link("a")}, [APP], "more than 40 links, or in a circle", set()),
        ({f"{APP}/a": Link("../../../b"), "b": Link("c"), "c": Link("b")}, [APP], "in a circle", {"b", "c"}),
        ({f"l{n}": Link(f"l{n + 1}" if n < trees.MOST else "base/a.yaml") for n in range(trees.MOST + 1)}, ["l0"],
         "l0 is a symbolic link to 'l1' → 'l2' → 'l3' → …, which leads over more than 40 links",
         {f"l{n}" for n in range(trees.MOST + 1)}),
        ({f"{APP}/a": Link("")}, [APP], "which is empty", set()),
        ({f"{APP}/a": Link("x/" * 3_000)}, [APP], "longer than 4096 bytes", set()),
        ({f"{APP}/a": Link("./" * 1_500 + "a")}, [APP], "more than 1000 steps", set()),
        ({f"{APP}/a": Link(".git/config")}, [APP], "there is no desired-state/production/web/.git", set()),
        ({f"{APP}/a": Link("x\x1b[2J\ny")}, [APP], r"a symbolic link to 'x\x1b[2J\ny', and there is no", set()),
        ({f"{APP}/a": Link("../../../sub"), "sub": gitserver.Submodule("a" * 40)}, [APP], "web/a is a submodule",
         {"sub"}),
        ({f"{APP}/a": Link("../../../base/big")}, [APP], "web/a has 5001 bytes", {"base/big"}),
        ({f"{APP}/a": Link("../../../base/lfs")}, [APP], "web/a is a Git LFS pointer", {"base/lfs"}),
        ({f"{APP}/a": Link("../../../base/bad")}, [APP], r"web/a/\xff is not named in UTF-8", {"base/bad"}),
        # folders within themselves
        ({f"{APP}/up": Link("..")}, [APP], "web/up is a symbolic link to desired-state/production, which holds",
         {"desired-state/production"}),
        ({f"{APP}/me": Link(".")}, [APP], "me is a symbolic link to desired-state/production/web, which holds", set()),
        ({f"{APP}/all": Link("../../..")}, [APP], "to the root of the repository, which holds the link itself", set()),
        ({f"{APP}/o": Link("../../../one"), "one/t": Link("../two"), "two/o": Link("../one")}, [APP],
         "web/o/t/o is a symbolic link to one, which holds the link itself and so has no end", {"one", "two"}),
        # a path that is a link, or lies behind one
        ({"v": Link("/etc/passwd")}, ["v"], "v is a symbolic link to '/etc/passwd', an absolute path", {"v"}),
        ({"charts": Link("../charts")}, ["charts/web"], "charts/web leads over a symbolic link to '../charts'",
         {"charts"}),
        ({"charts": Link("base")}, ["charts/web"], "charts/web leads over a symbolic link to 'base', and there is no"
         " base/web",
         {"charts", "base/web"}),
    ],
)  # fmt: skip
@pytest.mark.row("GIT-05")
async def test_a_link_that_leads_nowhere_is_refused_by_name(
    upstream: gitserver.Upstream, local: Look, tree: Tree, paths: list[str], said: str, linked: set[str]
) -> None:
    lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    there = {"base/a.yaml": "A", "base/big": b"0" * 5001, "base/lfs": lfs, b"base/bad/\xff": "x"}
    revision = upstream.commit({**there, **tree, "other/good.yaml": "good"})
    repository = local(upstream, limits=git.Limits(file_bytes=5000))
    assert said in (told := await refusal(repository, revision, *paths))
    assert revision in told
    (found,) = (await repository.reached(revision, paths)).values()
    assert found.oid
    assert {path for path, _ in found.linked} == linked
    # …and nobody else is held up by it
    assert [file.content for file in await repository.files(revision, ["other"])] == [b"good"]


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({f"{APP}/a": Link("../../../base/a.yaml")}, {"base/a.yaml": "new"}),
        ({f"{APP}/a": Link("../../../base")}, {"base/in/b.yaml": "new"}),
        ({f"{APP}/a": Link("../../../one"), "one": Link("two"), "two": Link("base/a.yaml")},
         {"two": Link("base/in/b.yaml")}),
        ({f"{APP}/m": Link("../../../more"), "more/up": Link("../base/a.yaml")}, {"base/a.yaml": "new"}),
        ({f"{APP}/deep/er/m": Link("../../../../../base")}, {"base/c.yaml": "new"}),
        ({f"{APP}/a": Link("../../../gone")}, {"gone": "here"}),
        ({f"{APP}/a": Link("../../../b"), "b": Link("c"), "c": Link("b")}, {"c": "end"}),
        ({f"{APP}/a": Link("../../../b"), "b": Link("/x")}, {"b": Link("/y")}),
    ],
)  # fmt: skip
async def test_a_change_where_a_link_leads_is_a_change_of_what_is_read(
    upstream: gitserver.Upstream, local: Look, before: Tree, change: Tree
) -> None:
    """Also one that puts right what led nowhere. An unrelated commit is none."""
    revisions = [
        upstream.commit({"base/a.yaml": "A", "base/in/b.yaml": "B"} | dict(before)),
        upstream.commit({"other": "x"}),
        upstream.commit(change),
    ]
    repository = local(upstream)
    first, unrelated, changed = [(await repository.reached(revision, [APP]))[APP] for revision in revisions]
    assert first == unrelated
    assert (changed.oid, changed.linked) != (first.oid, first.linked)
    assert changed.oid == first.oid


@pytest.mark.row("GIT-22")
async def test_what_links_lead_to_counts_each_time(upstream: gitserver.Upstream, local: Look) -> None:
    """Ten links to a folder of ten links to a folder of ten links, and so on: 100 lines for ten thousand million files.
    And one file of some bytes, many times."""
    bomb: dict[str | bytes, gitserver.Content] = {"d9/x": "x"}
    bomb |= {f"d{level}/{n}": Link(f"../d{level + 1}") for level in range(9) for n in range(10)}
    bomb |= {f"many/{n}": Link("../big") for n in range(11)} | {"big": b"0" * 1_000}
    revision = upstream.commit(bomb)
    repository = local(upstream, limits=git.Limits(total_bytes=10_999))
    told = await refusal(repository, revision, "d0")
    assert "d0" in told
    assert "more than 5000 files, with what its symbolic links lead to" in told
    assert "hold more than 10999 bytes in all" in await refusal(repository, revision, "many")
    found = await repository.reached(revision, ["d0", "many"])
    assert [path for path, _ in found["many"].linked] == ["big"]
    few = local(upstream, limits=git.Limits(files=9))
    assert "more than 9 files" in await refusal(few, revision, "many")
    assert len(await repository.files(revision, ["d9", "d8"])) == 11


@pytest.mark.row("GIT-22")
@pytest.mark.parametrize(
    ("leaf", "levels", "refused"),
    [
        ({"l/0": Link("../" + "./" * 900 + "nowhere")}, 1, False),
        ({f"l/{n}": Link("../" + "./" * 900 + f"nowhere/{n}") for n in range(500)}, 1, False),
        ({f"l/{n}": Link("../" + "./" * 900 + "base") for n in range(600)}, 1, True),
        ({f"l/{n}": Link("../" + "d0/../" * 300 + "base") for n in range(900)}, 1, True),
        ({f"l/{n}": Link("../base") for n in range(10)}, 5, True),
        ({f"l/{n}": Link("../base/none") for n in range(10)}, 5, True),
        ({f"l/{n}": Link(f"../c/{n}") for n in range(1_300)}
         | {f"c/{n}": Link("./" * (n % 36 + 1) + "/" * (n // 36) + "../base/only/a") for n in range(1_300)}, 1, True),
    ],
    ids=["one", "nowhere", "long ways", "folders", "fans of folders", "fans", "chains"],
)  # fmt: skip
async def test_the_ways_of_links_count_as_well(
    upstream: gitserver.Upstream, local: Look, reading: Callable[..., Reading], leaf: Tree, levels: int, refused: bool
) -> None:
    """Links that lead nowhere, or to nothing but further ones, are no files: some lines stood for minutes. It costs
    those who read them, and nobody else."""
    bomb: dict[str | bytes, gitserver.Content] = {
        "base/only/a": "A",
        "app/x": Link("../d0"),
        "other/a": Link("../base"),
    }
    names = [f"d{level}" for level in range(levels)] + ["l"]
    bomb |= {f"{at}/{n}": Link(f"../{to}") for at, to in itertools.pairwise(names) for n in range(10)}
    revision = upstream.commit(bomb | dict(leaf))
    repository = local(upstream)
    found = await repository.reached(revision, ["app", "other"])
    assert [path for path, _ in found["other"].linked] == ["base"]
    assert found["other"].problem == ""
    said = (
        "app at {} holds more than 5000 files, with what its symbolic links lead to, or links that take too many steps"
    )
    assert found["app"].problem.startswith(said.format(revision)) == refused
    assert (said.format(revision) in await refusal(repository, revision, "app")) == refused
    asked = reading()
    root = upstream.git("rev-parse", f"{revision}^{{tree}}")
    tree = trees.Tree(asked, root, known=trees.Known())
    followed = links.Followed(tree, files=5_000)
    followed.add(b"app")
    assert (followed.full, len(followed.problems) <= links.COMPLAINTS) == (refused, True)
    assert tree.spent < links.ROOM + trees.STEPS * trees.STEP + trees.READ
    assert len(asked.read) < 3_000


async def test_as_many_links_as_files_may_be_read_from_afar(upstream: gitserver.Upstream, local: Look) -> None:
    far, way = "manifests/of/all/teams/deep/down", "../" * 9
    names = [f"{n // 50:03}/some-longer-name-{n:05}.yaml" for n in range(4_900)]
    tree: dict[str | bytes, gitserver.Content] = {f"shared/{far}/{name}": "A" for name in names}
    tree |= {f"{APP}/{far[:-5]}/{name}": Link(f"{way}shared/{far}/{name}") for name in names}
    repository = local(upstream)
    revision = upstream.commit(tree)
    assert len(await repository.files(revision, [APP])) == len(names)
    found = (await repository.reached(revision, [APP]))[APP]
    assert (len(found.linked), found.problem) == (len(names), "")


@pytest.mark.row("GIT-22")
async def test_what_may_not_be_read_is_not_looked_at_to_its_end(
    upstream: gitserver.Upstream, local: Look, reading: Callable[..., Reading]
) -> None:
    """And whoever shares a folder with it is looked at all the same."""
    bomb: dict[str | bytes, gitserver.Content] = {
        f"bomb/{n}/{n}-{'x' * 200}-{file}": "" for n in range(40) for file in range(20)
    }
    shared: dict[str | bytes, gitserver.Content] = {f"{at}/link": Link("../../base") for at in ("bomb/39", "app/sub")}
    revision = upstream.commit({**bomb, **shared, "base/a": "A", "plain/sub/a": "A"})
    await local(upstream).fetch(revision)
    asked = reading(limits=git.Limits(files=30))
    paths = ["bomb", "app", "plain"]
    found = links.reached(asked, revision, paths, known=trees.Known())
    assert [path for path, _ in found["app"].linked] == ["base"]
    assert found["plain"].linked == ()
    assert len(asked.read) < 20, "the other folders of forty are not read"


async def test_a_link_in_a_folder_that_is_too_large_is_refused(upstream: gitserver.Upstream, local: Look) -> None:
    blob = upstream.git("hash-object", "-w", "--stdin", given=b"A")
    link = upstream.git("hash-object", "-w", "--stdin", given=b"0")
    rows = [f"100644 blob {blob}\t{n:04}{'x' * 246}" for n in range(4_000)]
    tree = upstream.git("mktree", given="\n".join([*rows, f"120000 blob {link}\tlink\n"]).encode())
    root = upstream.git("mktree", given=f"040000 tree {tree}\tlarge\n".encode())
    revision = upstream.git("commit-tree", root, "-m", "large")
    upstream.git("update-ref", "refs/heads/main", revision)
    told = await refusal(local(upstream), revision, "large")
    assert f"large/link is a symbolic link among more than {trees.FOLDER_BYTES} bytes of names" in told
    name = f"large/0000{'x' * 246}"
    found = await local(upstream).reached(revision, ["large", name])
    assert (found[name].oid, found["large"].oid) == (blob, tree)


async def test_what_did_not_change_is_read_once(
    upstream: gitserver.Upstream, local: Look, reading: Callable[..., Reading]
) -> None:
    """A commit costs the folders on its way, however many others there are, with links or without."""
    tree: dict[str | bytes, gitserver.Content] = {f"apps/{n}/sub/a.yaml": f"{n}" for n in range(50)}
    tree |= {f"apps/{n}/link": Link("../../base") for n in range(10)} | {"base/a.yaml": "A"}
    revisions = [upstream.commit(tree), upstream.commit({"apps/49/sub/a.yaml": "new"})]
    await local(upstream).fetch(revisions[1])
    asked, known, paths = reading(), trees.Known(), [f"apps/{n}" for n in range(50)]
    for revision in revisions:
        asked.read.clear()
        found = links.reached(asked, revision, paths, known=known)
        assert [path for path in paths if found[path].linked] == paths[:10]
    assert len(asked.read) == 4  # the root, apps, apps/49 and apps/49/sub


async def test_many_large_folders_are_read_together_and_once(
    upstream: gitserver.Upstream, local: Look, reading: Callable[..., Reading]
) -> None:
    """More names than are kept at once: two files of each of them are still found by some questions for all."""
    blob = upstream.git("hash-object", "-w", "--stdin", given=b"A")
    rows = "".join(f"100644 blob {blob}\t{n:05}\n" for n in range(19_000))
    folders = [upstream.git("mktree", given=f"{rows}100644 blob {blob}\tof-{n}\n".encode()) for n in range(6)]
    root = upstream.git(
        "mktree", given="".join(f"040000 tree {oid}\tapp{n}\n" for n, oid in enumerate(folders)).encode()
    )
    revision = upstream.git("commit-tree", root, "-m", "many")
    upstream.git("update-ref", "refs/heads/main", revision)
    await local(upstream).fetch(revision)
    asked, known = reading(), trees.Known()
    paths = [f"app{n}/{name}" for n in range(6) for name in (f"of-{n}", "none")]
    found = links.oids(asked, revision, paths, known=known)
    assert found == {path: "" if "none" in path else blob for path in paths}
    assert (asked.asked, len(asked.read)) == (3, 6)
    asked.read.clear()
    assert links.oids(asked, revision, paths, known=known) == found
    assert asked.read == []


@pytest.mark.parametrize("seed", range(4))
async def test_as_the_kernel_follows_them(
    upstream: gitserver.Upstream, local: Look, tmp_path: pathlib.Path, seed: int
) -> None:
    """Folders, files and links at random: what is read below each path is what is found there in a checkout, and what
    has no end, or leads out of it or nowhere, is refused."""
    tree, places = _at_random(seed)
    revision = upstream.commit(tree)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    upstream.git(f"--work-tree={checkout}", "checkout", "--force", revision, "--", ".")
    repository = local(upstream)
    refused = 0
    for path in places:
        try:
            expected = _walked(checkout, checkout / path, within=())
        except OSError:
            refused += 1
            assert "a symbolic link" in await refusal(repository, revision, path)
            continue
        assert {file.path: file.content for file in await repository.files(revision, [path])} == expected, path
    assert 0 < refused < len(places)


def _at_random(seed: int) -> tuple[dict[str | bytes, gitserver.Content], list[str]]:
    """A tree, and the links in it."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    folders = ["a", "b", "a/c", "a/c/d", "b/e", "b/e/g"]
    files = ["f", *(f"{folder}/f" for folder in folders)]
    tree: dict[str | bytes, gitserver.Content] = {file: file for file in files}
    places = [f"{folder}/l{n}" for folder in folders for n in range(3)] + ["l0", "l1", "l2"]
    for place in places:
        to = chance.choice([*folders, *places, *files, "x"])
        text = os.path.relpath(to, place.rpartition("/")[0] or ".")
        detour = chance.choice(["", "", "./", "l0/../", "../", "l1/"])
        tree[place] = Link(detour + text)
    return tree, places


def _walked(root: pathlib.Path, path: pathlib.Path, *, within: tuple[pathlib.Path, ...]) -> dict[str, bytes]:
    """What a program finds at or below a path of a checkout. OSError when something there leads out, nowhere, or to a
    folder that holds one of the links on the way."""
    if path.is_symlink():
        within = (*within, pathlib.Path(os.path.realpath(path.parent)) / path.name)
    path.stat()
    real = pathlib.Path(os.path.realpath(path))
    if not real.is_relative_to(root):
        raise OSError(f"{path} leads out")
    if path.is_file():
        return {str(path.relative_to(root)): path.read_bytes()}
    if any(link.is_relative_to(real) for link in within):
        raise OSError(f"{path} has no end")
    found: dict[str, bytes] = {}
    for below in path.iterdir():
        found |= _walked(root, below, within=within)
    return found
