"""A folder rendered again after some of its files changed gives exactly what it gives from nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler import errors
from reconciler.model import fields, ids, manifests, sources, targets
from reconciler.pipeline import rendering
from tests.pipeline import test_rendering
from tests.render import examples

CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '%s'}\n"
A, A2, B, B2 = CM % ("a", 1), CM % ("a", 2), CM % ("b", 1), CM % ("b", 2)
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: checks.example.com}
spec:
  group: example.com
  scope: %s
  names: {kind: Check, plural: checks}
  versions: [{name: v1, served: true, storage: true}]
"""
CHECK = "apiVersion: example.com/v1\nkind: Check\nmetadata: {name: c}\n"
OWN = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: own}\n"
REDEFINED = """\
apiVersion: v1
kind: List
items:
- apiVersion: apiextensions.k8s.io/v1
  kind: CustomResourceDefinition
  metadata: {name: deployments.apps}
  spec:
    group: apps
    scope: Cluster
    names: {kind: Deployment, plural: deployments}
    versions: [{name: v1, served: true, storage: true}]
"""
"""A scope that is not the one the cluster serves the kind with: what another file gives depends on it."""
ARGO = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: w, annotations: {argocd.argoproj.io/sync-wave: '1'}}\n"
BROKEN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"
TEST_HOOK = "apiVersion: v1\nkind: Pod\nmetadata: {name: t, annotations: {helm.sh/hook: test}}\n"

HISTORIES: dict[str, list[dict[str, str]]] = {
    "one of two changes": [{"a": A, "b": B}, {"a": A, "b": B2}, {"a": A2, "b": B2}],
    "one comes, one goes": [{"a": A}, {"a": A, "b": B}, {"b": B}, {}],
    "one is moved": [{"a": A, "b": B}, {"a": A, "c": B}],
    "two in one file": [{"a": f"{A}---\n{B}"}, {"a": f"{A}---\n{B2}"}, {"a": A}],
    "the same object twice": [{"a": A, "b": B}, {"a": A, "b": f"{B}---\n{A2}"}, {"a": A, "b": B}],
    "the same object twice, the other way round": [{"a": A, "b": B}, {"a": f"{A}---\n{B2}", "b": B}],
    "a definition changes what another file gives": [
        {"a": A, "c": CHECK, "d": DEFINITION % "Namespaced"},
        {"a": A, "c": CHECK, "d": DEFINITION % "Cluster"},
        {"a": A, "c": CHECK},
        {"a": A2, "c": CHECK, "d": DEFINITION % "Cluster"},
    ],
    "a definition comes": [{"a": A}, {"a": A, "c": CHECK, "d": DEFINITION % "Cluster"}],
    "a definition comes in a List": [{"a": OWN}, {"a": OWN, "l": REDEFINED}],
    "a definition goes with its List": [{"a": OWN, "l": REDEFINED}, {"a": OWN}],
    "a note stays, and goes": [{"a": A, "w": ARGO}, {"a": A2, "w": ARGO}, {"a": A2}],
    "what is left out stays noted": [{"a": A, "t": TEST_HOOK}, {"a": A2, "t": TEST_HOOK}],
    "refused in between": [{"a": A, "b": B}, {"a": A, "b": BROKEN}, {"a": A, "b": B2}],
}
LEFT = (fields.Rule(ids.KindKey("", "ConfigMap"), "a", "*", ("data", "a"), keep=False, where="ignore[0]"),)
SOURCE = targets.ManifestFolder("desired-state/production/web", exclude=("nothing.yaml",))
TARGETS = {
    "plain": examples.FOLDER,
    "a pattern that fits nothing": replace(examples.FOLDER, source=SOURCE),
    "fields left to the cluster": replace(examples.FOLDER, left=LEFT),
}
OTHER = replace(examples.FOLDER, key=ids.TargetKey("production", "other"))

Result = tuple[manifests.Manifest, ...] | tuple[str, ...]


async def _rendered(tested: rendering.Rendering, target: targets.Target, texts: dict[str, str]) -> tuple[Result, ...]:
    found = tuple(examples.file(f"{target.source.path}/{name}.yaml", text) for name, text in sorted(texts.items()))

    async def files() -> tuple[sources.File, ...]:
        return found

    try:
        made = await tested.render(target, files=files, input_digest=repr(texts), facts=examples.FACTS)
    except errors.InvalidInput as refused:
        return (refused.problems,)
    return made.manifests, made.notes


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
async def test_as_from_nothing(target: targets.Target, history: list[dict[str, str]]) -> None:
    def new() -> rendering.Rendering:
        return rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=None)

    remembering = new()
    for texts in history:
        assert await _rendered(remembering, target, texts) == await _rendered(new(), target, texts)


async def test_what_did_not_change_is_taken_up() -> None:
    tested = rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=None)
    (first, _), _ = await _rendered(tested, examples.FOLDER, {"a": A, "b": B})
    (same, changed), _ = await _rendered(tested, examples.FOLDER, {"a": A, "b": B2})
    assert same is first
    assert b"2" in changed.body


LARGE = {f"f{number}": CM % (f"c{number}", "x" * 1000) for number in range(8)}
"""Some 9,000 bytes."""


async def test_what_is_kept_to_be_taken_up_counts_against_the_limit_of_bytes() -> None:
    """Of 512 targets a whole second set was kept that nobody counted."""
    tested = rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=None, most_bytes=12_000)
    (first, *_), _ = await _rendered(tested, examples.FOLDER, LARGE)
    (same, *_), _ = await _rendered(tested, examples.FOLDER, LARGE | {"f7": CM % ("c7", 2)})
    assert same is not first, "both sets do not fit, and it is this one that goes: it only saves time"


@pytest.mark.parametrize("limit", [{"most_bytes": 60_000}, {"entries": 2}], ids=str)
async def test_old_revisions_go_before_what_serves(limit: dict[str, int]) -> None:
    """After some commits old revisions alone were kept, for good, and each new one was rendered from nothing."""
    tested = rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=None, **limit)
    unchanged = test_rendering.Files(examples.file(f"{OTHER.source.path}/a.yaml", A))
    firsts = []
    for commit in range(12):
        (first, *_), _ = await _rendered(tested, examples.FOLDER, LARGE | {"f7": CM % ("c7", commit)})
        firsts.append(first)
        await tested.render(OTHER, files=unchanged, input_digest="1", facts=examples.FACTS)
    assert all(each is firsts[0] for each in firsts)
    assert unchanged.reads == 1


async def test_one_revision_rendered_at_the_same_time_counts_once() -> None:
    """Each time counted, and none was taken off again: in the end there seemed to be no room for anything."""
    tested = rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=None, most_bytes=60_000)
    files = test_rendering.Files(*(examples.file(f"{SOURCE.path}/{name}.yaml", text) for name, text in LARGE.items()))
    go = asyncio.Event()

    async def waited() -> Sequence[sources.File]:
        await go.wait()
        return await files()

    async def render(digest: str) -> None:
        await tested.render(examples.FOLDER, files=waited, input_digest=digest, facts=examples.FACTS)

    begun = [asyncio.create_task(render("1")) for _ in range(10)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*begun)
    for digest in ("2", "1", "2"):
        await render(digest)
    assert files.reads == 10 + 1
