"""Rendering remembers: an unchanged target renders nothing; an unstable chart is refused."""

import pathlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from reconciler import errors
from reconciler.edges.helm import renderer as helm
from reconciler.model import live, sources, targets
from reconciler.pipeline import rendering
from tests.render import examples

CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


class FakeRenderer:
    """Answers what the files say: each `{{ … }}` in templates by a word from `words`, then by the next one."""

    version = "fake 1"

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.asked: list[tuple[str, Sequence[str]]] = []
        self.fetched: list[tuple[targets.ChartArchive, str]] = []

    async def helm(
        self,
        chart: targets.Chart,
        *,
        files: Sequence[sources.File],
        namespace: str,
        kube_version: str,
        api_versions: Sequence[str],
    ) -> str:
        self.asked.append((kube_version, api_versions))
        text = self.texts[(len(self.asked) - 1) % len(self.texts)]
        if not text:
            raise errors.InvalidInput((f"{chart.path}: refused",))
        return f"---\n# Source: web/templates/a.yaml\n{text}\n"

    async def chart(self, wanted: targets.ChartArchive, *, path: str) -> tuple[sources.File, ...]:
        self.fetched.append((wanted, path))
        if not wanted.digest:
            raise errors.InvalidInput(("source.chart.digest: is required",))
        return (examples.file(f"{path}/Chart.yaml", ""),)


class Files:
    """Counts how often the files were read."""

    def __init__(self, *files: sources.File) -> None:
        self.files = files
        self.reads = 0

    async def __call__(self) -> Sequence[sources.File]:
        self.reads += 1
        return self.files


CHART = examples.target(examples.CHART)


async def test_an_unchanged_target_renders_nothing_and_reads_nothing() -> None:
    renderer, files = FakeRenderer(CM % "a"), Files()
    tested = rendering.Rendering(renderer, "here", opener=None)
    first = await tested.render(CHART, files=files, input_digest="1", facts=examples.FACTS)
    again = await tested.render(CHART, files=files, input_digest="1", facts=examples.FACTS)
    assert first is again
    assert (len(renderer.asked), files.reads) == (2, 1), "once, and once more to compare"


@pytest.mark.parametrize(
    ("target", "input_digest", "facts"),
    [
        (CHART, "2", examples.FACTS),
        (replace(CHART, namespace="other"), "1", examples.FACTS),
        (replace(CHART, source=replace(examples.CHART, values=b'{"a":1}')), "1", examples.FACTS),
        (CHART, "1", live.ClusterFacts("v1.37.0", examples.FACTS.types)),
        (CHART, "1", live.ClusterFacts("v1.36.3", (*examples.FACTS.types, examples.served("a.b/v1", "C")))),
    ],
)
async def test_whatever_the_result_depends_on_renders_again(
    target: targets.Target, input_digest: str, facts: live.ClusterFacts
) -> None:
    renderer = FakeRenderer(CM % "a")
    tested = rendering.Rendering(renderer, "here", opener=None)
    await tested.render(CHART, files=Files(), input_digest="1", facts=examples.FACTS)
    await tested.render(target, files=Files(), input_digest=input_digest, facts=facts)
    assert len(renderer.asked) == 4


async def test_the_cluster_is_told_to_the_chart() -> None:
    renderer = FakeRenderer(CM % "a")
    await rendering.Rendering(renderer, "here", opener=None).render(
        CHART, files=Files(), input_digest="1", facts=examples.FACTS
    )
    version, served = renderer.asked[0]
    assert version == "v1.36.3"
    assert {"v1", "apps/v1", "apps/v1/Deployment"} <= set(served)
    assert list(served) == sorted(served)


async def test_a_refusal_is_remembered_too() -> None:
    renderer = FakeRenderer("")
    tested = rendering.Rendering(renderer, "here", opener=None)
    for _ in range(3):
        with pytest.raises(errors.InvalidInput, match="charts/web: refused"):
            await tested.render(CHART, files=Files(), input_digest="1", facts=examples.FACTS)
    assert len(renderer.asked) == 1


async def test_the_oldest_is_forgotten() -> None:
    renderer = FakeRenderer(CM % "a")
    tested = rendering.Rendering(renderer, "here", opener=None, entries=2)
    for input_digest in ("1", "2", "1", "3", "1", "2"):
        await tested.render(CHART, files=Files(), input_digest=input_digest, facts=examples.FACTS)
    assert len(renderer.asked) == 2 * 4, "1, 2, 3, and 2 again"


async def test_an_unstable_chart_is_refused_by_the_path_that_differs() -> None:
    renderer = FakeRenderer(CM % "a" + "data: {k: x}", CM % "a" + "data: {k: y}")
    with pytest.raises(
        errors.InvalidInput, match=r"ConfigMap web/a differs between two renders of the same chart at data\.k;"
    ):
        await rendering.Rendering(renderer, "here", opener=None).render(
            CHART, files=Files(), input_digest="1", facts=examples.FACTS
        )


async def test_differences_that_change_no_object_are_none() -> None:
    renderer = FakeRenderer("# 1\n" + CM % "a", "# 2\n" + CM % "a")
    found = await rendering.Rendering(renderer, "here", opener=None).render(
        CHART, files=Files(), input_digest="1", facts=examples.FACTS
    )
    assert len(found.manifests) == 1


async def test_when_another_time_breaks_the_chart_it_is_compared_as_it_is() -> None:
    renderer = FakeRenderer(CM % "a", "", CM % "a")
    found = await rendering.Rendering(renderer, "here", opener=None).render(
        CHART, files=Files(), input_digest="1", facts=examples.FACTS
    )
    assert (len(found.manifests), len(renderer.asked)) == (1, 3)


async def test_a_folder_takes_only_its_own_files_and_asks_no_renderer() -> None:
    renderer = FakeRenderer("")
    files = Files(
        examples.file("desired-state/production/web/a.yaml", CM % "a"),
        examples.file("desired-state/production/web/application.yaml", "apiVersion: reconciler.dev/v1"),
        examples.file("desired-state/production/web-two/b.yaml", CM % "b"),
        examples.file("charts/c.yaml", CM % "c"),
    )
    found = await rendering.Rendering(renderer, "here", opener=None).render(
        examples.FOLDER, files=files, input_digest="1", facts=examples.FACTS
    )
    assert [manifest.key.name for manifest in found.manifests] == ["a"]
    assert renderer.asked == []


async def test_nothing_renders_to_an_empty_set_for_the_caller_to_judge() -> None:
    found = await rendering.Rendering(FakeRenderer(""), "here", opener=None).render(
        examples.FOLDER, files=Files(), input_digest="1", facts=examples.FACTS
    )
    assert found.manifests == ()


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("{{ randAlphaNum 20 }}", "data.k"),
        ('{{ genCA "x" 1 | toJson | b64enc }}', "data.k"),
        ("{{ uuidv4 }}", "data.k"),
        ('{{ now | date "2006" }}', "data.k"),
        ('{{ printf "%s" (now | date "2006-01-02") }}', "data.k"),
    ],
)
async def test_helm_rolling_dice_is_refused(value: str, at: str) -> None:
    template = CM % "a" + f"data:\n  k: a-{value}\n"
    boxed = helm.HelmRenderer(workers=1)
    try:
        with pytest.raises(
            errors.InvalidInput, match=f"^charts/web/templates/a.yaml: ConfigMap web/a differs .* at {at};"
        ):
            await rendering.Rendering(boxed, "here", opener=None).render(
                CHART, files=Files(*examples.chart_files(a=template)), input_digest="1", facts=examples.FACTS
            )
    finally:
        await boxed.close()


async def test_helm_that_only_mentions_dice_is_fine() -> None:
    template = CM % "a" + 'data:\n  k: a{{ define "x" }}{{ now }}{{ randAlphaNum 5 }}{{ end }}{{/* now */}}\n'
    boxed = helm.HelmRenderer(workers=1)
    try:
        found = await rendering.Rendering(boxed, "here", opener=None).render(
            CHART, files=Files(*examples.chart_files(a=template)), input_digest="1", facts=examples.FACTS
        )
    finally:
        await boxed.close()
    assert found.manifests[0].document()["data"] == {"k": "a"}


PAPERLESS = (
    examples.served("v1", "ConfigMap"),
    examples.served("v1", "Service"),
    examples.served("v1", "ServiceAccount"),
    examples.served("apps/v1", "Deployment"),
    examples.served("autoscaling/v2", "HorizontalPodAutoscaler"),
    examples.served("networking.k8s.io/v1", "Ingress"),
    examples.served("networking.k8s.io/v1", "NetworkPolicy"),
    examples.served("policy/v1", "PodDisruptionBudget"),
)


@pytest.mark.parametrize("environment", ["development", "staging", "production"])
async def test_the_chart_we_ship_renders_in_every_environment(environment: str) -> None:
    root = pathlib.Path(__file__).parents[2]
    own = f"desired-state/{environment}/paperless-maverick"
    files = Files(
        *(
            examples.file(str(path.relative_to(root)), path.read_bytes())
            for folder in ("charts/paperless-maverick", own)
            for path in sorted((root / folder).rglob("*"))
            if path.is_file()
        )
    )
    chart = targets.Chart("charts/paperless-maverick", "paperless-maverick", (f"{own}/values.yaml",), b"{}")
    boxed = helm.HelmRenderer(workers=1)
    try:
        found = await rendering.Rendering(boxed, "here", opener=None).render(
            examples.target(chart, namespace="paperless"),
            files=files,
            input_digest="1",
            facts=live.ClusterFacts("v1.36.3", PAPERLESS),
        )
    finally:
        await boxed.close()
    assert "Deployment" in {manifest.key.kind for manifest in found.manifests}
    assert {manifest.key.namespace for manifest in found.manifests} == {"paperless"}
    assert all(manifest.origin.path.startswith("charts/paperless-maverick/templates/") for manifest in found.manifests)


# --- charts of repositories elsewhere

ARCHIVE = targets.ChartArchive("https://charts.example.com", "web", "1.2.3", "sha256:1")
ELSEWHERE = examples.target(replace(examples.CHART, path="web-1.2.3.tgz", archive=ARCHIVE))


async def test_an_archive_is_fetched_for_a_render_and_not_again() -> None:
    renderer = FakeRenderer(CM % "a")
    tested = rendering.Rendering(renderer, "here", opener=None)
    for _ in range(2):
        found = await tested.render(ELSEWHERE, files=Files(), input_digest="1", facts=examples.FACTS)
    assert renderer.fetched == [(ARCHIVE, "web-1.2.3.tgz")]
    assert found.manifests[0].origin.path == "web-1.2.3.tgz/templates/a.yaml"


async def test_a_refused_archive_names_the_file_and_is_not_remembered() -> None:
    """What is wrong may be put right where the inputs are not: on the daemon's disk, or in the repository."""
    renderer = FakeRenderer(CM % "a")
    tested = rendering.Rendering(renderer, "here", opener=None)
    target = replace(ELSEWHERE, source=replace(ELSEWHERE.source, archive=replace(ARCHIVE, digest="")))
    for _ in range(2):
        with pytest.raises(errors.InvalidInput, match=r"web/application\.yaml: source\.chart\.d"):
            await tested.render(target, files=Files(), input_digest="1", facts=examples.FACTS)
    assert len(renderer.fetched) == 2
