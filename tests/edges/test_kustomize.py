"""Kustomize's box: what it builds, what it refuses by itself, and that nothing gets out of it (I8, I9)."""

import asyncio
import os
import pathlib
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator

import pytest

from reconciler import errors
from reconciler.edges.boxed import box
from reconciler.edges.kustomize import renderer
from reconciler.model import sources, targets
from tests.render import examples
from tests.support import kustomize as binary

PRODUCTION = targets.Kustomization("apps/web/overlays/production")


@pytest.fixture
async def kustomize() -> AsyncIterator[renderer.KustomizeRenderer]:
    made = renderer.KustomizeRenderer(workers=1, search=str(binary.binary().parent))
    yield made
    await made.close()


def tree(**files: str) -> list[sources.File]:
    return [examples.file(path, content) for path, content in files.items()]


async def build(kustomize: renderer.KustomizeRenderer, kustomization: str, **files: str) -> str:
    """A kustomization in the folder `a`."""
    given = tree(**{"a/kustomization.yaml": kustomization, **files})
    return await kustomize.kustomize(targets.Kustomization("a"), files=given)


async def refusal(kustomize: renderer.KustomizeRenderer, kustomization: str, **files: str) -> str:
    with pytest.raises(errors.InvalidInput) as refused:
        await build(kustomize, kustomization, **files)
    return str(refused.value)


# --- what it builds

OVERLAY = {
    "apps/web/base/kustomization.yaml": """
resources: [web.yaml]
labels: [{pairs: {app: web}, includeSelectors: true}]
configMapGenerator: [{name: settings, files: [settings.ini], literals: [mode=slow]}]
""",
    "apps/web/base/settings.ini": "a=1\n",
    "apps/web/base/web.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers: [{name: web, image: web, envFrom: [{configMapRef: {name: settings}}]}]
""",
    "apps/web/components/proxy/kustomization.yaml": """
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches: [{path: sidecar.yaml}]
""",
    "apps/web/components/proxy/sidecar.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: proxy, image: proxy}]}}}
""",
    "apps/web/overlays/production/kustomization.yaml": """
namespace: production
namePrefix: shop-
resources: [../../base, service.yaml]
components: [../../components/proxy]
images: [{name: web, newName: registry.example/web, newTag: v2}]
replicas: [{name: web, count: 3}]
secretGenerator: [{name: token, envs: [token.env]}]
configMapGenerator: [{name: settings, behavior: merge, literals: [mode=fast]}]
patches:
- target: {kind: Deployment}
  patch: '[{"op": "add", "path": "/spec/paused", "value": false}]'
replacements:
- source: {kind: Deployment, name: web, fieldPath: metadata.labels.app}
  targets: [{select: {kind: Service}, fieldPaths: [metadata.annotations.of], options: {create: true}}]
""",
    "apps/web/overlays/production/token.env": "TOKEN=x\n",
    "apps/web/overlays/production/service.yaml": "{apiVersion: v1, kind: Service, metadata: {name: web}}",
}


async def test_an_overlay_with_everything(kustomize: renderer.KustomizeRenderer) -> None:
    text = await kustomize.kustomize(PRODUCTION, files=tree(**OVERLAY))
    objects = {each.value["kind"]: each.value for each in examples.documents(text)}  # type: ignore[index]
    deployment, config = objects["Deployment"], objects["ConfigMap"]
    assert {each["metadata"]["namespace"] for each in objects.values()} == {"production"}
    assert deployment["metadata"]["name"] == "shop-web"
    containers = {each["name"]: each["image"] for each in deployment["spec"]["template"]["spec"]["containers"]}
    assert containers == {"web": "registry.example/web:v2", "proxy": "proxy"}
    assert (deployment["spec"]["replicas"], deployment["spec"]["paused"]) == (3, False)
    assert deployment["spec"]["selector"]["matchLabels"] == {"app": "web"}
    assert config["data"] == {"mode": "fast", "settings.ini": "a=1\n"}
    assert config["metadata"]["name"].startswith("shop-settings-")
    (web,) = (each for each in deployment["spec"]["template"]["spec"]["containers"] if each["name"] == "web")
    assert web["envFrom"][0]["configMapRef"]["name"] == config["metadata"]["name"]
    assert objects["Secret"]["metadata"]["name"].startswith("shop-token-")
    assert objects["Service"]["metadata"]["annotations"] == {"of": "web"}


async def test_the_same_files_build_to_the_same_bytes(kustomize: renderer.KustomizeRenderer) -> None:
    """Kustomize rolls no dice and knows no clock: a second build per input, as charts have one, would find nothing."""
    first = await kustomize.kustomize(PRODUCTION, files=tree(**OVERLAY))
    assert await kustomize.kustomize(PRODUCTION, files=list(reversed(tree(**OVERLAY)))) == first


async def test_many_builds_do_not_see_each_other(kustomize: renderer.KustomizeRenderer) -> None:
    assert "kind: X" in await build(kustomize, "resources: [x.yaml]", **{"a/x.yaml": "kind: X\nmetadata: {name: x}"})
    assert "a/x.yaml: no such file" in await refusal(kustomize, "resources: [x.yaml]")
    texts = await asyncio.gather(*(build(kustomize, f"namespace: other\n{MAP % number}") for number in range(8)))
    assert [f'count: "{number}"' in text for number, text in enumerate(texts)] == [True] * 8


MAP = "configMapGenerator: [{name: x, literals: [count=%s]}]"

# --- what it refuses by itself, also where a scan were blind


@pytest.mark.parametrize(
    ("kustomization", "says"),
    [
        ("resources: [../b/c.yaml]", "a: kustomize: accumulating resources: accumulation err='accumulating resources"),
        ("patches: [{path: ../b/c.yaml}]", "is not in or below 'a'"),
        ("configMapGenerator: [{name: x, files: [/etc/hostname]}]", "no such file or directory"),
        ("configMapGenerator: [{name: x, files: [../../../../../../etc/hostname]}]", "no such file or directory"),
        ("resources: [.]", "cycle detected"),
        ("generators: [plugin.yaml]", "external plugins disabled"),
        ("generators: [function.yaml]", "external plugins disabled"),
        ("helmCharts: [{name: x, repo: 'http://127.0.0.1:1'}]", "must specify --enable-helm"),
        ("resources: ['https://127.0.0.1:1/x']", "accumulating resources from"),
        ("resources: ['git@127.0.0.1:x/y']", "no 'git' program on path"),
        ("unknown: 1", 'unknown field "unknown"'),
    ],
)
@pytest.mark.row("REN-01", "REN-02")
async def test_its_own_words_with_the_paths_of_the_repository(
    kustomize: renderer.KustomizeRenderer, kustomization: str, says: str
) -> None:
    plugin = "apiVersion: example.com/v1\nkind: Exec\nmetadata:\n  name: x\n"
    function = f"{plugin}  annotations: {{config.kubernetes.io/function: 'exec: {{path: ./x}}'}}\n"
    files = {"b/c.yaml": "kind: C\nmetadata: {name: c}", "a/plugin.yaml": plugin, "a/function.yaml": function}
    found = await refusal(kustomize, kustomization, **files)
    assert says in found
    assert "/work" not in found
    assert "/tmp" not in found


@pytest.mark.parametrize(
    "kustomization",
    [
        "secretGenerator: [{name: x, literals: [a=hunter2, hunter2]}]",
        "resources: [s.yaml]\npatches:\n- patch: |-\n    kind: Secret\n    password: [hunter2\n",
        "resources: [s.yaml]\npatches: [{target: {kind: Secret}, patch: '[{op: move, value: hunter2}]'}]",
        "secretGenerator: [{name: x, literals: [a=hunter2], behavior: merge}]",
    ],
)
@pytest.mark.row("YML-17")
async def test_contents_are_not_quoted(kustomize: renderer.KustomizeRenderer, kustomization: str) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p: hunter2}"
    assert "hunter2" not in await refusal(kustomize, kustomization, **{"a/s.yaml": secret})


@pytest.mark.parametrize("path", ["a/../x", "a//x", "a/b\0", "a/./x", "/etc/x"])
async def test_odd_paths_never_reach_the_box(kustomize: renderer.KustomizeRenderer, path: str) -> None:
    assert "not a path inside the repository" in await refusal(kustomize, "{}", **{path: "x"})


async def test_too_much_to_read_is_refused() -> None:
    tested = renderer.KustomizeRenderer(limits=box.Limits(request=1_000), search=str(binary.binary().parent))
    assert "2001 bytes can be read" in await refusal(tested, "#", **{"a/b": "x" * 2_000})


async def test_too_much_output_is_refused() -> None:
    tested = renderer.KustomizeRenderer(limits=box.Limits(output=10_000), search=str(binary.binary().parent))
    try:
        assert "a: renders to more than 10000 bytes" in await refusal(tested, MAP % ("x" * 20_000))
        assert "ConfigMap" in await build(tested, MAP % "1")
    finally:
        await tested.close()


# --- what gets out of it

ISOLATED = pytest.mark.skipif(
    not (sys.platform == "linux" and os.geteuid() == 0), reason="an ordinary user's kernel may refuse some of it"
)


@ISOLATED
async def test_network_files_and_user_are_given_up(kustomize: renderer.KustomizeRenderer) -> None:
    about = await kustomize.about()
    assert about.isolation == ("network", "files", "user")
    assert (about.path, about.version) == (str(binary.binary()), "v5.8.1")


@ISOLATED
@pytest.mark.row("REN-03", "REN-04")
async def test_a_listener_hears_nothing(kustomize: renderer.KustomizeRenderer) -> None:
    """REN-03 and REN-04: where a reference got past the scan, there is still no way out, and no waiting for one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        for field in (f"resources: [{address}]", f"openapi: {{path: {address}}}", f"patches: [{{path: {address}}}]"):
            assert "unreachable" in await refusal(kustomize, field)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.row("REN-11")
async def test_the_environment_of_the_daemon_is_not_there(
    kustomize: renderer.KustomizeRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REN-11: a key without a value in an env file asks for the environment's."""
    monkeypatch.setenv("TOKEN_CANARY", "CANARY-1")
    text = await build(kustomize, "configMapGenerator: [{name: x, envs: [e]}]", **{"a/e": "TOKEN_CANARY\n"})
    assert "CANARY-1" not in text


# --- limits


@pytest.mark.row("REN-02")
async def test_a_build_without_end_is_cut_and_the_next_one_works() -> None:
    """REN-02: what the scan refuses, given to the box all the same."""
    files = {"a/kustomization.yaml": "components: [c0]"}
    for number in range(30):
        inner = f"components: [../c{number + 1}, ../c{number + 1}]" if number < 29 else ""
        files[f"a/c{number}/kustomization.yaml"] = f"kind: Component\n{inner}"
    limits = box.Limits(wall=1.0)
    tested = renderer.KustomizeRenderer(limits=limits, workers=1, search=str(binary.binary().parent))
    before = processes()
    try:
        with pytest.raises(errors.Transient, match="a: the box for Kustomize gave no answer within 1 s"):
            await tested.kustomize(targets.Kustomization("a"), files=tree(**files))
        deadline = time.monotonic() + 10
        while processes() - before:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert "ConfigMap" in await build(tested, MAP % "1")
    finally:
        await tested.close()


def processes() -> set[str]:
    """Running kustomize processes of this machine; zombies are done."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            _, name, rest = path.read_text().replace("(", ")").split(")", 2)
        except OSError:
            continue
        if name == "kustomize" and rest.split()[0] != "Z":
            found.add(path.parent.name)
    return found


# --- the binary


async def test_without_a_binary_it_says_what_to_install(tmp_path: pathlib.Path) -> None:
    tested = renderer.KustomizeRenderer(search=str(tmp_path))
    assert tested.version == "no kustomize"
    with pytest.raises(errors.Transient, match=r"no kustomize on the PATH; put kustomize 5\.0 or newer on"):
        await build(tested, MAP % "1")


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        ("v5.0.0", True),
        ("v5.8.1", True),
        ("{Version:kustomize/v5.0.3 GitCommit:5}", True),
        ("v10.0.0", True),
        ("v4.5.7", False),
        ("{Version:kustomize/v4.5.7 GitCommit:5 BuildDate:2022-08-02}", False),
        ("(devel)", False),
        ("unknown", False),
    ],
)
def test_versions(said: str, fine: bool) -> None:
    assert renderer.new_enough(said) is fine


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("echo", r"kustomize calls itself 'version'; put kustomize 5\.0 or newer on the daemon's PATH"),
        ("false", "kustomize does not run in its box"),
    ],
)
async def test_another_program_of_that_name(tmp_path: pathlib.Path, program: str, says: str) -> None:
    shutil.copy(f"/bin/{program}", tmp_path / "kustomize")
    await unusable(tmp_path, says)


async def test_a_script_that_starts_the_program_is_not_the_program(tmp_path: pathlib.Path) -> None:
    """Version managers put such scripts on the PATH."""
    (tmp_path / "kustomize").write_text(f"#!/bin/sh\nexec {binary.binary()} $*\n")
    (tmp_path / "kustomize").chmod(0o755)
    await unusable(tmp_path, "kustomize does not run in its box, where a script")


async def unusable(folder: pathlib.Path, says: str) -> None:
    tested = renderer.KustomizeRenderer(search=str(folder))
    try:
        with pytest.raises(errors.Transient, match=says):
            await build(tested, MAP % "1")
    finally:
        await tested.close()


async def test_a_binary_that_is_replaced_is_used_at_once(tmp_path: pathlib.Path) -> None:
    shutil.copy("/bin/echo", tmp_path / "kustomize")
    tested = renderer.KustomizeRenderer(search=str(tmp_path))
    before = tested.version
    try:
        with pytest.raises(errors.Transient):
            await build(tested, MAP % "1")
        shutil.copy(binary.binary(), tmp_path / "new")
        (tmp_path / "new").replace(tmp_path / "kustomize")
        assert "ConfigMap" in await build(tested, MAP % "1")
        assert tested.version != before, "what another binary rendered is not remembered for this one"
    finally:
        await tested.close()
