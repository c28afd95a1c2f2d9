"""What a revert commit restores, on real Git: what last good read, and nothing of anybody else."""

import pathlib
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from reconciler.edges import git
from reconciler.ending import judge
from reconciler.model import ids, records, rollouts, targets
from reconciler.pipeline import chain, failing, heads, reverting
from tests.support import gitserver, worlds

WEB = ids.TargetKey("production", "web")
FOLDER = f"desired-state/{WEB}"
MANIFEST = f"{FOLDER}/manifests/all.yaml"
HEADER = "apiVersion: reconciler.dev/v1\nkind: "
Link, Step = gitserver.Link, records.GitStep
Changes = Mapping[str | bytes, gitserver.Content]


def application(*reads: str) -> dict[str | bytes, gitserver.Content]:
    text = f"{HEADER}Application\nnamespace: web\nsource: {{manifests: {{}}}}\nreads: [{', '.join(reads)}]\n"
    return {f"{FOLDER}/application.yaml": text}


class Bench:
    """A daemon's parts at an upstream: `fails` lets its head fail, and carries the revert as far as it goes."""

    def __init__(self, upstream: gitserver.Upstream, repository: git.GitRepository) -> None:
        self.upstream, self.repository = upstream, repository

    async def fails(self, good: str) -> records.GitRevert:
        here = await worlds.made()
        here.repositories = {"main": self.repository}
        self.heads = heads.Heads(here)
        ending = failing.Failing(here, self.heads, chain.Chain(here, self.heads), lambda key: None)
        bad = self.upstream.head("main")
        await self.heads.poll("main")
        before, after = [await self.heads.prepare(WEB, revision) for revision in (good, bad)]
        last = records.Good(good, before.inputs.digest, "manifests", here.at())
        ledger = records.Ledger(WEB, last_good=last, deployed=bad)
        own, shared = await ending.differing(ledger, after)
        back = judge.revert(last, git=targets.GitPolicy.PUSH, own=own, shared=shared, because="it crashes")
        failure = rollouts.Failure(bad, after.inputs.digest, back.because)
        ledger = await ending.go_back(ledger, failure, back, undoes="")
        if reverting.pending(ledger):
            ledger = await reverting.Reverting(here, self.heads).push(ledger)
        assert ledger.git_revert
        return ledger.git_revert

    async def digest(self, revision: str) -> str:
        return (await self.heads.prepare(WEB, revision)).inputs.digest


@pytest_asyncio.fixture
async def bench(tmp_path: pathlib.Path) -> AsyncIterator[Bench]:
    upstream = gitserver.create(tmp_path / "upstream.git")
    mirror = tmp_path / "mirrors" / "main.git"
    where = git.Place.checked("main", url=str(upstream.path), allow_local=True, ref="refs/heads/main", mirror=mirror)
    repository = git.GitRepository(where)
    yield Bench(upstream, repository)
    await repository.close()


BEFORE = {"desired-state/production/environment.yaml": f"{HEADER}Environment\n", MANIFEST: "v1"}
LINKED: Changes = {**application(), f"{FOLDER}/values.yaml": Link("../../../shared/a.yaml"), "shared/a.yaml": "a"}
OTHERS: Changes = {"shared/b.yaml": "of somebody else, whom nobody reads yet"}


@pytest.mark.parametrize(
    ("good", "meanwhile", "bad", "restored"),
    [
        pytest.param(application(), {"n": "1"}, {}, {MANIFEST}, id="its own folder"),
        pytest.param(application("base"), {"n": "1"}, {"base/k": "2"}, {MANIFEST, "base/k"}, id="a path it reads"),
        pytest.param(
            application("base"), {"n": "1"}, application("base", "extra") | {"extra/k": "2"},
            {MANIFEST, f"{FOLDER}/application.yaml"}, id="a path it newly reads",
        ),
        pytest.param(
            LINKED, OTHERS, {"shared/a.yaml": "2"}, {MANIFEST, "shared/a.yaml"}, id="what its link leads to",
        ),
        pytest.param(
            LINKED, OTHERS, {f"{FOLDER}/values.yaml": Link("../../../shared/b.yaml")},
            {MANIFEST, f"{FOLDER}/values.yaml"}, id="its link turned to something of others",
        ),
        pytest.param(
            LINKED, OTHERS, {f"{FOLDER}/more.yaml": Link("../../../shared/b.yaml"), "shared/b.yaml": "2"},
            {MANIFEST, f"{FOLDER}/more.yaml"}, id="a new link, and what is there",
        ),
    ],
)  # fmt: skip
async def test_what_last_good_read_comes_back_and_nothing_else_changes(
    bench: Bench, good: Changes, meanwhile: Changes, bad: Changes, restored: set[str]
) -> None:
    revision = bench.upstream.commit({**BEFORE, "base/k": "1", **good})
    bench.upstream.commit(meanwhile)
    failed = bench.upstream.commit({MANIFEST: "v2", **bad})
    revert = await bench.fails(revision)
    assert (revert.step, revert.parent) == (Step.PUSHED, failed), revert.because
    head = bench.upstream.head("main")
    assert set(bench.upstream.git("diff", "--name-only", failed, head).split()) == restored
    assert await bench.digest(head) == await bench.digest(revision)


MOVED: Changes = {"base": Link("lib/base"), "lib/base/web/k": "1", "lib/base/api/k": "1"}


@pytest.mark.parametrize(
    ("good", "meanwhile", "bad", "because"),
    [
        pytest.param(
            application("base/web"), {"base": None, **MOVED}, {},
            "would not bring back what last good read at {good}: lib/base/web would differ",
            id="moved, with a link to it",
        ),
        pytest.param(
            application("base/web"), {"base": None, **MOVED}, {"lib/base/web/k": "2"},
            "base is a link or a file now, and would go for", id="moved and changed: others read by way of the link",
        ),
        pytest.param(
            application("base/web"), {"base/web/k": "of others"}, application(),
            "would not bring back what last good read at {good}: base/web would differ",
            id="no longer read, and changed",
        ),
        pytest.param(
            application("base/web"), {"base": None}, application(), "production/web reads base/web, which is not in",
            id="no longer read, and gone",
        ),
        pytest.param(
            {**application(), f"{FOLDER}/notes": Link("../../../shared/b.yaml")}, OTHERS, {},
            "would not bring back what last good read at {good}: shared, shared/b.yaml would differ",
            id="added where a link led nowhere",
        ),
        pytest.param(
            application("base/web"), {"base": None, **MOVED}, {MANIFEST: "v1"}, "no path that last good read differs",
            id="nothing that it read",
        ),
    ],
)  # fmt: skip
async def test_git_is_left_alone_where_a_commit_would_not_bring_last_good_back(
    bench: Bench, good: Changes, meanwhile: Changes, bad: Changes, because: str
) -> None:
    revision = bench.upstream.commit({**BEFORE, "base/web/k": "1", "base/api/k": "1", **good})
    bench.upstream.commit(meanwhile)
    failed = bench.upstream.commit({MANIFEST: "v2", **bad, "n": "1"})
    revert = await bench.fails(revision)
    assert (revert.step, bench.upstream.head("main")) == (Step.PINNED, failed)
    assert because.format(good=revision[:12]) in revert.because
