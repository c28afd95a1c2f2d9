"""Charts as teams have them: vendored subcharts, unpacked and packed, and what crafted ones try (REN-07, REN-08)."""

import io
import tarfile
from collections.abc import AsyncIterator, Sequence

import pytest

from reconciler import errors
from reconciler.edges.boxed import box
from reconciler.edges.helm import renderer
from reconciler.model import sources, targets
from tests.render import examples
from tests.support import chartserver

CHART_YAML = "apiVersion: v2\nname: web\nversion: 1.0.0\n"
ELSEWHERE = "repository: 'https://x.invalid'"
SUB = {
    "values.yaml": "colour: red\nexports: {shared: {shape: round}}\n",
    "templates/s.yaml": "sub: {{ .Values.colour }} {{ .Chart.Name }}\n",
}


@pytest.fixture
async def helm() -> AsyncIterator[renderer.HelmRenderer]:
    made = renderer.HelmRenderer(workers=1)
    yield made
    await made.close()


async def render(helm: renderer.HelmRenderer, files: Sequence[sources.File], values: bytes = b"{}") -> str:
    chart = targets.Chart("charts/web", "web", (), values)
    return await helm.helm(chart, files=files, namespace="apps", kube_version="v1.36.3", api_versions=())


def with_dependency(
    extra: str = "", *, packed: bool, template: str = "all: {{ .Values | toJson }}"
) -> list[sources.File]:
    files = {
        "Chart.yaml": f"{CHART_YAML}dependencies: [{{name: sub, version: 1.x.x, {ELSEWHERE}{extra}}}]\n",
        "values.yaml": "size: small\n",
        "templates/a.yaml": "a: 1\nall: {{ .Values | toJson }}\n",
    }
    found = [examples.file(f"charts/web/{path}", text) for path, text in files.items()]
    if packed:
        archive = chartserver.packed(SUB, name="sub", version="1.0.0")
        return [*found, examples.file("charts/web/charts/sub-1.0.0.tgz", archive)]
    inner = {"Chart.yaml": CHART_YAML.replace("web", "sub"), **SUB}
    return [*found, *(examples.file(f"charts/web/charts/sub/{path}", text) for path, text in inner.items())]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("extra", "values", "present", "absent"),
    [
        pytest.param("", b"{}", "sub: red sub", "", id="a dependency"),
        pytest.param("", b'{"sub":{"colour":"blue"}}', "sub: blue sub", "", id="its values"),
        pytest.param("", b'{"global":{"a":1}}', "sub: red sub", "", id="global values"),
        pytest.param(", alias: other", b'{"other":{"colour":"blue"}}', "sub: blue other", "", id="alias"),
        pytest.param(", condition: sub.on", b'{"sub":{"on":true}}', "sub: red", "", id="condition on"),
        pytest.param(", condition: sub.on", b'{"sub":{"on":false}}', "a: 1", "sub: red", id="condition off"),
        pytest.param(", tags: [extra]", b'{"tags":{"extra":false}}', "a: 1", "sub: red", id="tag off"),
        pytest.param(", import-values: [shared]", b"{}", '"shape":"round"', '"x"', id="import-values by export"),
        pytest.param(
            ", import-values: [{child: exports.shared, parent: x}]", b"{}", '"x":{"shape":"round"}', "", id="elsewhere"
        ),
    ],
)
async def test_vendored_dependencies(
    helm: renderer.HelmRenderer, packed: bool, extra: str, values: bytes, present: str, absent: str
) -> None:
    text = await render(helm, with_dependency(extra, packed=packed), values)
    assert present in text
    assert not absent or absent not in text


async def test_a_dependency_that_is_not_vendored_is_named_with_the_command(helm: renderer.HelmRenderer) -> None:
    files = [file for file in with_dependency(packed=False) if "/charts/sub/" not in file.path]
    with pytest.raises(errors.InvalidInput) as refused:
        await render(helm, files)
    assert str(refused.value) == (
        "charts/web/Chart.yaml: dependency sub 1.x.x from https://x.invalid is not in charts/web/charts/, and nothing"
        " is downloaded; run helm dependency update and commit the result"
    )


async def test_a_library_chart_brings_its_helpers(helm: renderer.HelmRenderer) -> None:
    """As Bitnami's charts have `common`."""
    library = {"templates/_n.tpl": '{{ define "common.name" }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}'}
    files = [
        examples.file("charts/web/Chart.yaml", f"{CHART_YAML}dependencies: [{{name: common, version: 1.0.0}}]\n"),
        examples.file("charts/web/templates/a.yaml", 'name: {{ include "common.name" . }}\n'),
        examples.file("charts/web/charts/common/Chart.yaml", CHART_YAML.replace("web", "common") + "type: library\n"),
        *(examples.file(f"charts/web/charts/common/{path}", text) for path, text in library.items()),
    ]
    assert "name: web-web" in await render(helm, files)


async def test_helmignore(helm: renderer.HelmRenderer) -> None:
    files = [
        *examples.chart_files(cm='a: {{ .Files.Get "secret.txt" }}1', ci='kind: {{ fail "never" }}'),
        examples.file("charts/web/secret.txt", "no"),
        examples.file("charts/web/.helmignore", "secret.txt\ntemplates/ci.yaml\n"),
    ]
    assert await render(helm, files) == "---\n# Source: web/templates/cm.yaml\na: 1\n"


@pytest.mark.row("REN-09")
async def test_a_key_that_looks_like_an_index_is_a_key(helm: renderer.HelmRenderer) -> None:
    """REN-09: nothing here goes through the parser of `--set`, which grew a list to the number in the brackets."""
    files = examples.chart_files(cm="a: {{ .Values | toJson }}")
    assert 'a: {"a[999999999]":1}' in await render(helm, files, b'{"a[999999999]":1}')


def archive(*members: tuple[str, bytes, str]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as packed:
        for name, kind, content in (("sub/Chart.yaml", tarfile.REGTYPE, CHART_YAML.replace("web", "sub")), *members):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, content
            data = content.encode() if kind == tarfile.REGTYPE else b""
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return plain.getvalue()


@pytest.mark.parametrize(
    "member",
    [
        ("../../evil.yaml", tarfile.REGTYPE, "evil: 1"),
        ("/evil.yaml", tarfile.REGTYPE, "evil: 1"),
        ("sub/templates/../../../evil.yaml", tarfile.REGTYPE, "evil: 1"),
        ("sub/templates/passwd.yaml", tarfile.SYMTYPE, "/etc/passwd"),
        ("sub/templates/hard.yaml", tarfile.LNKTYPE, "/etc/passwd"),
        ("sub/templates/device.yaml", tarfile.CHRTYPE, ""),
        ("sub/Chart.lock", tarfile.SYMTYPE, "../../../../etc/passwd"),
    ],
    ids=lambda member: f"{member[0]} {member[1]!r}",
)
@pytest.mark.row("REN-07")
async def test_a_crafted_archive_in_the_repository_reaches_nothing(
    helm: renderer.HelmRenderer, member: tuple[str, bytes, str]
) -> None:
    """REN-07: refused, or rendered as if the entry were not there; and the next chart finds a clean folder."""
    files = [*examples.chart_files(cm="a: 1"), examples.file("charts/web/charts/sub.tgz", archive(member))]
    try:
        text = await render(helm, files)
    except errors.InvalidInput as refused:
        text = str(refused)
    assert "root:" not in text
    assert "evil: 1" not in text
    probe = examples.chart_files(cm='a: {{ .Files.Glob "**" | len }}{{ .Files.Get "../evil.yaml" }}')
    assert "evil" not in await render(helm, probe)


@pytest.mark.row("REN-08")
async def test_a_bomb_in_the_repository_ends_its_box_or_is_refused() -> None:
    """REN-08: 200 MB of zeros in 400 kB."""
    bomb = archive(("sub/files/zeros", tarfile.REGTYPE, "\0" * 200_000_000))
    assert len(bomb) < 400_000
    helm = renderer.HelmRenderer(limits=box.Limits(wall=60.0), workers=1)
    files = [*examples.chart_files(cm="a: 1"), examples.file("charts/web/charts/sub.tgz", bomb)]
    try:
        with pytest.raises((errors.InvalidInput, errors.Transient)):
            await render(helm, files)
        assert "a: 1" in await render(helm, examples.chart_files(cm="a: 1"))
    finally:
        await helm.close()
