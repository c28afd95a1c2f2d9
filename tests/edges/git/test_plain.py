"""The files of a repository on this machine are believed only where git would say the same."""

import dataclasses
import os
import pathlib
import subprocess
from collections.abc import Callable

import pytest

from reconciler.edges import git
from reconciler.edges.git import plain
from tests.support import gitserver

Look = Callable[..., git.GitRepository]


def at(path: pathlib.Path) -> git.Place:
    return git.Place.checked("d", url=str(path), allow_local=True, ref="refs/heads/main", mirror=path / "mirror")


def pack(upstream: gitserver.Upstream) -> None:
    upstream.git("pack-refs", "--all")


def link(upstream: gitserver.Upstream) -> None:
    upstream.git("update-ref", "refs/heads/other", "refs/heads/main")
    upstream.git("symbolic-ref", "refs/heads/main", "refs/heads/other")


def link_the_file(upstream: gitserver.Upstream) -> None:
    its = upstream.path / "refs/heads/main"
    its.rename(its.with_name("other"))
    its.symlink_to("other")


def share(upstream: gitserver.Upstream) -> None:
    """As a linked work tree: its refs are elsewhere."""
    (upstream.path / "commondir").write_text(".\n")


async def test_a_ref_in_its_file_is_read_without_git(
    upstream: gitserver.Upstream, local: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, repository = upstream.commit({"a": "1"}), local(upstream)
    assert await repository.head() == first  # makes the mirror
    second = upstream.commit({"a": "2"})
    monkeypatch.setenv("PATH", "/nowhere")
    assert await repository.head() == second


@pytest.mark.parametrize("change", [pack, link, link_the_file, share])
async def test_what_lies_in_another_way_is_asked_of_git(
    upstream: gitserver.Upstream, local: Look, change: Callable[[gitserver.Upstream], None]
) -> None:
    revision = upstream.commit({"a": "1"})
    assert plain.tip(at(upstream.path)) == revision
    change(upstream)
    assert plain.tip(at(upstream.path)) == ""
    assert await local(upstream).head() == revision


def test_a_repository_of_somebody_else_is_left_to_git(
    upstream: gitserver.Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.commit({"a": "1"})
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    assert plain.tip(at(upstream.path)) == ""


@pytest.mark.parametrize("content", ["", "0123\n", "a" * 64 + "\n", "A" * 40 + "\n", "ref: refs/heads/x\n", "a" * 40])
def test_a_file_that_holds_no_commit_id(upstream: gitserver.Upstream, content: str) -> None:
    upstream.commit({"a": "1"})
    (upstream.path / "refs/heads/main").write_text(content)
    assert plain.tip(at(upstream.path)) == ""


def test_a_work_tree_is_read_where_git_keeps_its_refs(tmp_path: pathlib.Path) -> None:
    work = tmp_path / "work"
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(work)], check=True)
    assert plain.git_dir(at(work)) == work / ".git"
    assert plain.git_dir(at(tmp_path / "missing")) == tmp_path / "missing"
    assert plain.tip(at(work)) == plain.tip(at(tmp_path / "missing")) == ""


def test_a_work_tree_that_points_elsewhere_is_left_to_git(upstream: gitserver.Upstream) -> None:
    """Its folder looks like a repository of its own."""
    upstream.commit({"a": "1"})
    (upstream.path / ".git").write_text("gitdir: /elsewhere\n")
    assert plain.tip(at(upstream.path)) == ""


def test_a_pipe_in_place_of_the_file_keeps_nobody_waiting(upstream: gitserver.Upstream) -> None:
    revision = upstream.commit({"a": "1"})
    its = upstream.path / "refs/heads/main"
    its.unlink()
    os.mkfifo(its)
    with its.open("r+b", buffering=0) as said:
        said.write(f"{revision}\n".encode())
        assert plain.tip(at(upstream.path)) == ""
    assert plain.tip(at(upstream.path)) == ""


@pytest.mark.parametrize(
    "ref", ["", "ORIG_HEAD", "refs/tags/v1", "refs/heads/../tags/v1", "refs/heads/../../ORIG_HEAD", "refs/heads/x.lock"]
)
def test_only_the_name_of_a_branch_is_looked_for(upstream: gitserver.Upstream, ref: str) -> None:
    """A rehearsal asks for what a person names; git knows which of these are refs."""
    revision = upstream.commit({"a": "1"})
    for name in ("ORIG_HEAD", "refs/tags/v1", "refs/heads/x.lock"):
        (upstream.path / name).write_text(f"{revision}\n")
    assert plain.tip(dataclasses.replace(at(upstream.path), ref=ref)) == ""
