"""Rendering a kustomization: looked at first, built once, marked like everything else."""

import dataclasses
from collections.abc import Sequence

import pytest

from reconciler import errors
from reconciler.edges.kustomize import renderer as kustomize
from reconciler.model import ids, sources, targets
from reconciler.pipeline import rendering
from tests.render import examples
from tests.support import kustomize as binary

SOURCE = targets.Kustomization("desired-state/production/web/overlay")
TARGET = dataclasses.replace(examples.target(SOURCE), reads=("base",))
HERE = f"{SOURCE.path}/kustomization.yaml"
CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


class Counted:
    """Answers with `text`, or as the real one does, and counts how often it was asked."""

    version = "counted 1"

    def __init__(self, text: str = "", *, real: kustomize.KustomizeRenderer | None = None) -> None:
        self.text = text
        self.real = real
        self.asked: list[Sequence[sources.File]] = []

    async def kustomize(self, kustomization: targets.Kustomization, *, files: Sequence[sources.File]) -> str:
        self.asked.append(files)
        return await self.real.kustomize(kustomization, files=files) if self.real else self.text

    async def helm(self, *_: object, **__: object) -> str:
        raise AssertionError("no chart here")


async def rendered(renderer: Counted, **files: str) -> rendering.manifests.ManifestSet:
    given = tuple(examples.file(path, content) for path, content in files.items())

    async def read() -> Sequence[sources.File]:
        return given

    tested = rendering.Rendering(renderer, "here", opener=None)
    for _ in range(2):
        found = await tested.render(TARGET, files=read, input_digest="1", facts=examples.FACTS)
    return found


async def test_it_is_built_once_for_one_input_from_everything_the_target_reads() -> None:
    renderer = Counted(CM % "a")
    found = await rendered(renderer, **{HERE: "resources: [a.yaml]", f"{SOURCE.path}/a.yaml": CM, "base/x": ""})
    assert [[file.path for file in files] for files in renderer.asked] == [[HERE, f"{SOURCE.path}/a.yaml", "base/x"]]
    (manifest,) = found.manifests
    assert str(manifest.origin) == f"{SOURCE.path} (built):1"
    annotations = manifest.document()["metadata"]["annotations"]  # type: ignore[index,call-overload]
    assert annotations[ids.MARK].startswith("here")  # type: ignore[index,union-attr,call-overload]


async def test_a_reference_that_leads_elsewhere_is_refused_before_anything_is_built() -> None:
    renderer = Counted()
    with pytest.raises(errors.InvalidInput, match=rf"^{HERE}:1: resources\[0\]: leads to other, .* add it to `reads`"):
        await rendered(renderer, **{HERE: "resources: [../../../../other]"})
    assert renderer.asked == []


async def test_what_was_built_is_judged_like_plain_files() -> None:
    renderer = Counted(CM % "a" + "---\n" + CM % "a")
    with pytest.raises(errors.InvalidInput, match=rf"^{SOURCE.path} \(built\):5: ConfigMap web/a is already in"):
        await rendered(renderer, **{HERE: "namePrefix: x"})


async def test_the_real_binary() -> None:
    real = kustomize.KustomizeRenderer(workers=1, search=str(binary.binary().parent))
    base = "resources: [a.yaml]\nconfigMapGenerator: [{name: b, literals: [k=v]}]"
    files = {HERE: "namePrefix: x-\nresources: [../../../../base]", "base/a.yaml": CM % "a"}
    try:
        found = await rendered(Counted(real=real), **files, **{"base/kustomization.yaml": base})
    finally:
        await real.close()
    assert [manifest.key.name for manifest in found.manifests] == ["x-a", "x-b-bdg947hgcc"]
