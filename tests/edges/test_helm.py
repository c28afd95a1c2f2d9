"""Helm's box: what it renders, what it refuses, and that nothing gets out of it (I8, I9)."""

import asyncio
import contextlib
import io
import os
import pathlib
import socket
import sys
import tarfile
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from reconciler import errors
from reconciler.edges.boxed import box
from reconciler.edges.helm import renderer, values
from reconciler.model import sources, targets
from tests.render import examples

QUICK = box.Limits(wall=1.0)


@pytest.fixture
async def helm() -> AsyncIterator[renderer.HelmRenderer]:
    made = renderer.HelmRenderer(workers=1)
    yield made
    await made.close()


async def render(
    helm: renderer.HelmRenderer,
    files: Sequence[sources.File],
    *,
    chart: targets.Chart = examples.CHART,
    api_versions: Sequence[str] = (),
) -> str:
    return await helm.helm(chart, files=files, namespace="apps", kube_version="v1.36.3", api_versions=api_versions)


async def refusal(
    helm: renderer.HelmRenderer, files: Sequence[sources.File], *, chart: targets.Chart = examples.CHART
) -> str:
    with pytest.raises(errors.InvalidInput) as refused:
        await render(helm, files, chart=chart)
    return str(refused.value)


def with_file(path: str, content: str | bytes, *, files: Sequence[sources.File] = ()) -> tuple[sources.File, ...]:
    kept = tuple(file for file in files or examples.chart_files(cm="a: 1") if file.path != path)
    return (*kept, examples.file(path, content))


# --- what it renders --------------------------------------------------------------------------------------------------


async def test_release_cluster_and_values_reach_the_templates(helm: renderer.HelmRenderer) -> None:
    files = examples.chart_files(
        cm=(
            "a: {{ .Release.Name }} {{ .Release.Namespace }} {{ .Capabilities.KubeVersion.Version }} "
            '{{ .Capabilities.APIVersions.Has "example.com/v1/Widget" }} {{ .Values.size }}'
        )
    )
    files = with_file("charts/web/values.yaml", "size: small", files=files)
    text = await render(helm, files, api_versions=["example.com/v1/Widget"])
    assert text == "---\n# Source: web/templates/cm.yaml\na: web apps v1.36.3 true small\n"


async def test_definitions_come_first_and_notes_not_at_all(helm: renderer.HelmRenderer) -> None:
    files = with_file("charts/web/crds/x.yaml", "kind: X")
    files = with_file("charts/web/templates/NOTES.txt", "hello", files=files)
    text = await render(helm, files)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Source: web/crds/x.yaml",
        "# Source: web/templates/cm.yaml",
    ]


async def test_later_values_win_and_inline_values_win_over_files(helm: renderer.HelmRenderer) -> None:
    files = examples.chart_files(cm="a: {{ .Values | toJson }}")
    for path, text in (
        ("charts/web/values.yaml", "a: 0\nb: 0\nc: 0\nd: 0\nmap: {s: 0, t: 0}"),
        ("env/one.yaml", "b: 1\nc: 1\nmap: {t: 1}"),
        ("env/two.yaml", "c: 2\nd: null\n"),
    ):
        files = with_file(path, text, files=files)
    chart = targets.Chart("charts/web", "web", ("env/one.yaml", "env/two.yaml"), b'{"map":{"z":3}}')
    assert 'a: {"a":0,"b":1,"c":2,"map":{"s":0,"t":1,"z":3}}' in await render(helm, files, chart=chart)


async def test_subcharts_that_are_switched_off_bring_nothing(helm: renderer.HelmRenderer) -> None:
    files = examples.chart_files(cm="a: 1")
    dependencies = "dependencies: [{name: sub, version: 1.0.0, condition: sub.on}]"
    for path, text in (
        ("Chart.yaml", f"apiVersion: v2\nname: web\nversion: 1.0.0\n{dependencies}"),
        ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0"),
        ("charts/sub/crds/x.yaml", "kind: X"),
        ("charts/sub/templates/s.yaml", "kind: S"),
    ):
        files = with_file(f"charts/web/{path}", text, files=files)
    assert "kind: S" in await render(helm, files)
    off = targets.Chart("charts/web", "web", (), b'{"sub":{"on":false}}')
    assert await render(helm, files, chart=off) == "---\n# Source: web/templates/cm.yaml\na: 1\n"


async def test_a_chart_at_the_root_of_the_repository(helm: renderer.HelmRenderer) -> None:
    files = [
        examples.file("Chart.yaml", "apiVersion: v2\nname: w\nversion: 1.0.0"),
        examples.file("templates/a.yaml", "a: 1"),
    ]
    assert (
        await render(helm, files, chart=targets.Chart("", "w", (), b"")) == "---\n# Source: w/templates/a.yaml\na: 1\n"
    )


async def test_a_child_serves_many_renders_and_is_replaced(tmp_path: pathlib.Path) -> None:
    helm = renderer.HelmRenderer(limits=box.Limits(renders=2), workers=1)
    try:
        texts = [await render(helm, examples.chart_files(cm=f"a: {number}")) for number in range(5)]
    finally:
        await helm.close()
    assert [text.split()[-1] for text in texts] == ["0", "1", "2", "3", "4"]


async def test_renders_side_by_side_do_not_mix() -> None:
    helm = renderer.HelmRenderer(workers=2)
    try:
        texts = await asyncio.gather(*(render(helm, examples.chart_files(cm=f"a: {number}")) for number in range(8)))
    finally:
        await helm.close()
    assert [text.split()[-1] for text in texts] == [str(number) for number in range(8)]


# --- what it refuses --------------------------------------------------------------------------------------------------

CHART_YAML = "apiVersion: v2\nname: web\nversion: 1.0.0\n"


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("Chart.yaml", "apiVersion: v2\nname: web", "charts/web: validation: chart.metadata.version is required"),
        ("Chart.yaml", "[", "charts/web: cannot load Chart.yaml"),
        ("Chart.yaml", CHART_YAML.replace("web", "../x"), "is invalid"),
        ("Chart.yaml", CHART_YAML + "type: library", "a library chart cannot be installed"),
        ("Chart.yaml", CHART_YAML + "kubeVersion: '>=1.40'", "wants Kubernetes >=1.40, the cluster has v1.36.3"),
        (
            "Chart.yaml",
            CHART_YAML + "dependencies: [{name: db, version: 1.2.3, repository: 'https://charts.invalid/x'}]",
            "dependency db 1.2.3 from https://charts.invalid/x is not in charts/web/charts/, and nothing is downloaded",
        ),
        (
            "Chart.yaml",
            CHART_YAML + "dependencies: [{name: db, version: 1.2.3, repository: 'oci://x/y'}]",
            "from oci://x/y",
        ),
        ("values.yaml", "a: 1\na: 2", "charts/web/values.yaml:2: key"),
        ("values.schema.json", '{"$ref": "https://charts.invalid/x.json"}', "values.schema.json: $ref leads out"),
        ("values.schema.json", '{"items": [{"$ref": "file:///etc/passwd"}]}', "values.schema.json: $ref leads out"),
        ("values.schema.json", '{"$schema": "http://charts.invalid/x"}', "$schema would be fetched"),
        ("values.schema.json", "{", "no JSON schema"),
        ("values.schema.json", "[" * 200_000, "no JSON schema"),
        ("values.schema.json", '{"required": ["size"]}', "missing property 'size'"),
        ("charts/sub.tgz", b"garbage", "charts/web/charts/sub.tgz: not a chart archive"),
        ("templates/a.yaml", "{{ .Values.a.b.c }}", "charts/web/templates/a.yaml:1:10"),
        ("templates/a.yaml", '{{ fail "no" }}', "execution error at (charts/web/templates/a.yaml:1:3): no"),
        ("templates/a.yaml", "{{ if }", "parse error at (charts/web/templates/a.yaml:1)"),
        ("templates/a.yaml", '{{ env "TOKEN_CANARY" }}', 'function "env" not defined'),
        ("templates/a.yaml", '{{ expandenv "$TOKEN_CANARY" }}', 'function "expandenv" not defined'),
    ],
)
async def test_refused_with_the_path_of_the_repository(
    helm: renderer.HelmRenderer, path: str, content: str | bytes, says: str
) -> None:
    found = await refusal(helm, with_file(f"charts/web/{path}", content))
    assert says in found
    assert "/tmp" not in found


async def test_a_version_of_kubernetes_that_fits_is_no_problem(helm: renderer.HelmRenderer) -> None:
    files = with_file("charts/web/Chart.yaml", CHART_YAML + "kubeVersion: '>=1.30.0-0'")
    assert "a: 1" in await render(helm, files)


@pytest.mark.parametrize(
    "dialect",
    [
        "http://json-schema.org/schema#",
        "https://json-schema.org/schema",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2020-12/schema",
    ],
)
async def test_a_dialect_that_the_validator_knows_needs_no_network(helm: renderer.HelmRenderer, dialect: str) -> None:
    """Bitnami's charts, Istio's gateway and Prometheus' name no draft: the box, which has no network, renders them."""
    schema = f'{{"$schema": "{dialect}", "required": ["size"]}}'
    assert "missing property 'size'" in await refusal(helm, with_file("charts/web/values.schema.json", schema))


async def test_schemas_in_packed_subcharts_are_scanned_too(helm: renderer.HelmRenderer) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (
            ("sub/Chart.yaml", CHART_YAML.replace("web", "sub")),
            ("sub/values.schema.json", '{"$ref": "http://charts.invalid/x"}'),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    files = with_file("charts/web/charts/sub.tgz", packed.getvalue())
    assert "sub.tgz!sub/values.schema.json: $ref leads out" in await refusal(helm, files)


async def test_endless_recursion_is_an_error_of_bounded_length(helm: renderer.HelmRenderer) -> None:
    files = examples.chart_files(cm='{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}')
    assert len(await refusal(helm, files)) < 2_100


async def test_a_bad_release_name_is_refused(helm: renderer.HelmRenderer) -> None:
    chart = targets.Chart("charts/web", "Not_A_Name", (), b"")
    assert "release name" in await refusal(helm, examples.chart_files(cm="a: 1"), chart=chart)


@pytest.mark.parametrize("path", ["charts/web/../x", "charts/web//x", "charts/web/a\0b", "charts/web/./x"])
async def test_odd_paths_never_reach_the_box(helm: renderer.HelmRenderer, path: str) -> None:
    assert "not a path inside the repository" in await refusal(helm, with_file(path, "x"))


async def test_too_large_a_chart_is_refused() -> None:
    helm = renderer.HelmRenderer(limits=box.Limits(request=1_000))
    assert "more than 1000" in await refusal(helm, with_file("charts/web/big", "x" * 2_000))


async def test_missing_chart_and_values_files_are_named(helm: renderer.HelmRenderer) -> None:
    assert "there is no chart here" in await refusal(helm, [examples.file("charts/webx/Chart.yaml", CHART_YAML)])
    chart = targets.Chart("charts/web", "web", ("env/a.yaml",), b"")
    assert "env/a.yaml: the values file is not in" in await refusal(helm, examples.chart_files(cm="a: 1"), chart=chart)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1", "must be a mapping"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("a: {", "env/a.yaml:"),
        ("a: 1\na: 2", "already set"),
    ],
)
def test_values_files_are_read_strictly(text: str, says: str) -> None:
    chart = targets.Chart("charts/web", "web", ("env/a.yaml",), b"")
    with pytest.raises(errors.InvalidInput, match=says):
        values.of(chart, [examples.file("env/a.yaml", text)])


# --- what gets out of it ----------------------------------------------------------------------------------------------


def rights_allow_isolation() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


@pytest.mark.skipif(not rights_allow_isolation(), reason="an ordinary user's kernel may refuse some of it")
async def test_network_files_and_user_are_given_up(helm: renderer.HelmRenderer) -> None:
    assert await helm.isolation() == ("network", "files", "user")


@pytest.mark.row("REN-11")
async def test_the_environment_of_the_daemon_is_not_there(
    helm: renderer.HelmRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_CANARY", "CANARY-1")
    files = examples.chart_files(
        cm='a: {{ .Files.Get "/proc/self/environ" }}{{ .Files.Get "../../../../etc/passwd" }}{{ .Files.Glob "/**" }}'
    )
    text = await render(helm, files)
    assert "CANARY" not in text
    assert "root:" not in text


@pytest.mark.row("REN-05", "REN-06")
async def test_lookups_of_names_and_objects_are_empty(helm: renderer.HelmRenderer) -> None:
    """REN-05 and REN-06: neither the cluster nor DNS is asked."""
    files = examples.chart_files(cm='a: "{{ getHostByName "localhost" }}" {{ lookup "v1" "Secret" "x" "y" }}')
    assert 'a: "" map[]' in await render(helm, files)


@pytest.mark.skipif(not rights_allow_isolation(), reason="an ordinary user's kernel may refuse a network of its own")
@pytest.mark.row("REN-04", "REN-06")
async def test_a_box_without_network_reaches_no_listener(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = tmp_path / "child.py"
        script.write_text(
            f"import socket, sys, os\n"
            f"sys.path.append({str(box.ROOT)!r})\n"
            f"from reconciler.edges.boxed import inside\n"
            f"left = inside.leave_network()\n"
            f"try:\n    socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 1)\n    reached = True\n"
            f"except OSError:\n    reached = False\n"
            f"inside.write(os.fdopen(1, 'wb'), {{'left': left, 'reached': reached}})\n"
            f"sys.stdin.read()\n"
        )
        child = await box.Box.start(limits=box.DEFAULT_LIMITS, command=(sys.executable, "-I", str(script)))
        assert child.greeting == {"left": True, "reached": False}
        await child.kill()


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.row("REN-16")
async def test_an_endless_render_is_cut_and_the_next_one_works() -> None:
    helm = renderer.HelmRenderer(limits=QUICK, workers=1)
    endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"
    try:
        with pytest.raises(errors.Transient, match="charts/web: the box for Helm gave no answer within 1 s"):
            await render(helm, examples.chart_files(cm=endless))
        assert "a: 1" in await render(helm, examples.chart_files(cm="a: 1"))
    finally:
        await helm.close()


@pytest.mark.row("F25")
async def test_a_memory_bomb_ends_its_box_only(helm: renderer.HelmRenderer) -> None:
    bomb = '{{ $x := repeat 1000000 "x" }}{{ range until 30 }}{{ $x = print $x $x }}{{ end }}{{ $x }}'
    with pytest.raises(errors.Transient, match="address space"):
        await render(helm, examples.chart_files(cm=bomb))
    assert "a: 1" in await render(helm, examples.chart_files(cm="a: 1"))


async def test_an_output_bomb_is_refused(helm: renderer.HelmRenderer) -> None:
    found = await refusal(helm, examples.chart_files(cm='{{ repeat 20000000 "x" }}'))
    assert "renders to more than" in found


EVIL = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    child = subprocess.Popen([sys.executable, "-c", "import signal,time; signal.signal(15, 1); time.sleep(600)"])
    print(child.pid, file=open({pids!r}, "a"), flush=True)
body = b"{{}}"
os.write(1, len(body).to_bytes(4, "big") + body)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    """Gone, or a zombie that its new parent has not collected yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.row("REN-12")
async def test_the_time_out_kills_grandchildren(tmp_path: pathlib.Path) -> None:
    """REN-12: tools that ignore SIGTERM left their children behind."""
    pids = tmp_path / "pids"
    script = tmp_path / "evil.py"
    script.write_text(EVIL.format(pids=str(pids)))
    limits = box.Limits(wall=2.0)
    child = await box.Box.start(limits=limits, command=(sys.executable, "-I", str(script)))
    started = [int(line) for line in pids.read_text().split()]
    assert len(started) == 2
    with pytest.raises(box.BoxBroken, match="gave no answer within 2 s"):
        await child.ask({}, contents=())
    deadline = time.monotonic() + 10
    while not all(map(gone, started)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert not child.usable


@pytest.mark.row("F06")
async def test_a_warm_child_that_was_killed_is_replaced(helm: renderer.HelmRenderer) -> None:
    before = children()
    await render(helm, examples.chart_files(cm="a: 1"))
    (child,) = children() - before
    os.kill(child, 9)
    assert "a: 2" in await render(helm, examples.chart_files(cm="a: 2"))


def children() -> set[int]:
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = path.read_text()
            if int(text.rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(text.split()[0]))
    return found


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("raise SystemExit(3)", "ended with exit code 3"),
        ("import os; os.write(1, b'\\xff\\xff\\xff\\xff'); input()", "in the middle of an answer|SIGKILL"),
        ("import os; os.write(1, b'\\0\\0\\0\\2[]'); input()", "in the middle of an answer|SIGKILL"),
    ],
)
async def test_a_child_that_speaks_nonsense_is_the_worlds_failure(
    tmp_path: pathlib.Path, script: str, says: str
) -> None:
    path = tmp_path / "child.py"
    path.write_text(script)
    helm = renderer.HelmRenderer(command=(sys.executable, "-I", str(path)))
    with pytest.raises(errors.Transient, match=says):
        await render(helm, examples.chart_files(cm="a: 1"))


async def test_a_command_that_is_not_there_is_the_worlds_failure() -> None:
    helm = renderer.HelmRenderer(command=("/nonexistent/python",))
    with pytest.raises(errors.Transient, match="could not be started"):
        await render(helm, examples.chart_files(cm="a: 1"))


async def test_a_cancelled_render_leaves_no_half_asked_child() -> None:
    helm = renderer.HelmRenderer(workers=1)
    endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"
    before = children()
    task = asyncio.create_task(render(helm, examples.chart_files(cm=endless)))
    deadline = time.monotonic() + 10
    while not children() - before:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() - before == set()
    assert "a: 1" in await render(helm, examples.chart_files(cm="a: 1"))
    await helm.close()
