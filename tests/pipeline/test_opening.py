"""Encrypted files on their way to the renderers: all or none, only those that are read, and nothing of them is said."""

import base64
import os
import pathlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from reconciler import errors, ports
from reconciler.edges import sops
from reconciler.edges.helm import renderer as helm_renderer
from reconciler.edges.kustomize import renderer as kustomize_renderer
from reconciler.model import sources, targets
from reconciler.pipeline import opening, rendering
from tests.pipeline import test_rendering
from tests.render import examples
from tests.support import kustomize
from tests.support import sops as support

SOPS = "sops: {mac: 'ENC[AES256_GCM,m]', age: [{recipient: age1x}], version: 3.11.0}\n"
SEALED = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nstringData: {{password: 'ENC[AES256_GCM,p]'}}\n{SOPS}"
CLEAR = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: hunter2}\n"
FOLDER = "desired-state/production/web"


class FakeOpener:
    """Opens what begins as `SEALED` does, once it has the key."""

    def __init__(self, *, clear: str = CLEAR, has_key: bool = True) -> None:
        self.clear = clear
        self.has_key = has_key
        self.opened: list[str] = []

    def means(self, environment: str) -> str:
        return f"{environment} {self.has_key}"

    async def open(self, file: sources.File, *, form: str, environment: str) -> bytes:
        self.opened.append(file.path)
        if not self.has_key:
            raise errors.Sealed((f"{file.path} cannot be opened",))
        return self.clear.encode()


def files(*names: str) -> list[sources.File]:
    return [examples.file(name, SEALED) for name in names]


async def test_a_secret_arrives_in_the_clear() -> None:
    read = test_rendering.Files(*files(f"{FOLDER}/db.yaml"))
    tested = rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=FakeOpener())
    found = await tested.render(examples.FOLDER, files=read, input_digest="1", facts=examples.FACTS)
    assert found.manifests[0].document()["data"] == {"password": "aHVudGVyMg=="}
    assert "sops" not in found.manifests[0].document()


async def test_what_cannot_be_opened_is_asked_again_and_then_remembered() -> None:
    read, opener = test_rendering.Files(*files(f"{FOLDER}/db.yaml")), FakeOpener(has_key=False)
    tested = rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=opener)
    for _ in range(2):
        with pytest.raises(errors.Sealed, match=r"db\.yaml cannot be opened"):
            await tested.render(examples.FOLDER, files=read, input_digest="1", facts=examples.FACTS)
    opener.has_key = True
    for _ in range(2):
        await tested.render(examples.FOLDER, files=read, input_digest="1", facts=examples.FACTS)
    assert len(opener.opened) == 3


async def test_all_or_none_and_each_is_named() -> None:
    two = files(f"{FOLDER}/a.yaml", f"{FOLDER}/b.yaml")
    with pytest.raises(errors.Sealed) as caught:
        await opening.opened(FakeOpener(has_key=False), examples.FOLDER, two)
    assert caught.value.problems == (f"{FOLDER}/a.yaml cannot be opened", f"{FOLDER}/b.yaml cannot be opened")
    with pytest.raises(errors.Sealed, match="nothing here can open it"):
        await opening.opened(None, examples.FOLDER, two)


async def test_nothing_that_was_encrypted_is_in_a_problem() -> None:
    """A person wrote the password where a name belongs: the complaint quotes the name."""
    clear = CLEAR.replace("stringData: {password: hunter2}", "stringData: {password: 12345}")
    read = test_rendering.Files(*files(f"{FOLDER}/db.yaml"))
    tested = rendering.Rendering(test_rendering.FakeRenderer(""), "here", opener=FakeOpener(clear=clear))
    with pytest.raises(errors.InvalidInput) as caught:
        await tested.render(examples.FOLDER, files=read, input_digest="1", facts=examples.FACTS)
    assert "12345" not in str(caught.value)
    assert not isinstance(caught.value, errors.Sealed)


async def test_the_real_ones(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sops, Helm and Kustomize as a daemon runs them; no file is left that holds the secret."""
    path = f"{support.folder(tmp_path)}:{kustomize.binary().parent}:{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(boxes))
    key = support.key_file(tmp_path / "age-key")
    environment = support.encrypt("PASSWORD=canary-7f3a\n", form="dotenv")
    given = {
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "charts/web/templates/a.yaml": CLEAR.replace("hunter2", "{{ .Values.db.password }}"),
        f"{FOLDER}/secrets.yaml": support.encrypt("db:\n    password: canary-7f3a\n"),
        f"{FOLDER}/overlay/kustomization.yaml": "secretGenerator: [{name: db, envs: [app.env]}]\n",
        f"{FOLDER}/overlay/app.env": environment,
    }
    read = test_rendering.Files(*(examples.file(name, text) for name, text in given.items()))
    helm, built = helm_renderer.HelmRenderer(workers=1), kustomize_renderer.KustomizeRenderer(workers=1)
    wanted = base64.b64encode(b"canary-7f3a").decode()
    try:
        for source, renderer in ((CHART, helm), (targets.Kustomization(f"{FOLDER}/overlay"), built)):
            tested = rendering.Rendering(
                cast("ports.Renderer", renderer), "here", opener=sops.Sops({"production": key})
            )
            target = replace(examples.FOLDER, source=source)
            found = await tested.render(target, files=read, input_digest="1", facts=examples.FACTS)
            (manifest,) = found.manifests
            assert list(manifest.document()["data"].values()) == [wanted]
            left = [file for file in boxes.rglob("*") if file.is_file() and b"canary" in file.read_bytes()]
            assert left == []
    finally:
        await helm.close()
        await built.close()


CHART = targets.Chart("charts/web", "web", (f"{FOLDER}/secrets.yaml",), b"")


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (targets.ManifestFolder(FOLDER), [f"{FOLDER}/secrets.yaml"]),
        (targets.ManifestFolder(FOLDER, ("secrets.yaml",)), []),
        (CHART, [f"{FOLDER}/secrets.yaml", "charts/web/files/secret.yaml"]),
        (
            targets.Kustomization(FOLDER),
            [f"{FOLDER}/secrets.yaml", "charts/web/files/secret.yaml", "shared/secret.yaml"],
        ),
    ],
)
async def test_only_what_goes_into_the_render_is_opened(
    source: targets.ManifestFolder | targets.Chart | targets.Kustomization, wanted: Sequence[str]
) -> None:
    opener = FakeOpener()
    target = replace(examples.FOLDER, source=source)
    given = files(f"{FOLDER}/secrets.yaml", "charts/web/files/secret.yaml", "shared/secret.yaml")
    found = await opening.opened(opener, target, given)
    assert opener.opened == list(wanted)
    assert [file.path for file in found.files if file.content.decode() == CLEAR] == list(wanted)
