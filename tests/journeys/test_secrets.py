"""Secrets that lie encrypted in Git: plain, through Kustomize and through Helm; what a broken one says; and that no
file of the daemon's ever holds what was in them."""

import base64
import os
import pathlib
from typing import Any

import pytest
import yaml

from reconciler.model import outcomes
from tests.support import kustomize, site, sops

pytestmark = pytest.mark.only_kubernetes("the daemon has an environment of its own")

CANARY = "canary-7f3a9c"
NEXT = "canary-next-51d0"
ONLY_DATA = ("--encrypted-regex", "^(data|stringData)$")
FOLDER = f"desired-state/{site.ENVIRONMENT}"
TEMPLATE = """
apiVersion: v1
kind: Secret
metadata: {name: from-chart}
stringData: {password: {{ .Values.database.password | quote }}}
"""


def secret(name: str, password: str) -> str:
    return sops.encrypt(
        yaml.safe_dump(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": password}}
        ),
        *ONLY_DATA,
    )


def application(a_site: site.Site, name: str, source: dict[str, Any]) -> None:
    header = {"apiVersion": "reconciler.dev/v1", "kind": "Application", "namespace": a_site.namespace}
    a_site.write(f"{FOLDER}/{name}/application.yaml", header | {"source": source})


def write(a_site: site.Site, password: str) -> None:
    application(a_site, "plain", {"manifests": {}})
    a_site.write(f"{FOLDER}/plain/manifests/secret.yaml", secret("from-folder", password))
    application(a_site, "built", {"kustomize": {"path": "overlay"}})
    a_site.write(
        f"{FOLDER}/built/overlay/kustomization.yaml",
        "resources: [secret.yaml]\nnamePrefix: k-\nsecretGenerator: [{name: generated, envs: [app.env]}]\n",
    )
    a_site.write(f"{FOLDER}/built/overlay/secret.yaml", secret("from-base", password))
    a_site.write(f"{FOLDER}/built/overlay/app.env", sops.encrypt(f"PASSWORD={password}\n", form="dotenv"))
    application(a_site, "chart", {"chart": {"path": "/charts/db", "valuesFiles": ["secrets.yaml"]}})
    a_site.write("charts/db/Chart.yaml", "apiVersion: v2\nname: db\nversion: 1.0.0\n")
    a_site.write("charts/db/templates/secret.yaml", TEMPLATE)
    a_site.write("shared/secrets.yaml", sops.encrypt(f"database:\n    password: {password}\n"))
    linked = a_site.work / FOLDER / "chart/secrets.yaml"
    if not linked.is_symlink():
        linked.symlink_to("../../../shared/secrets.yaml")


def passwords(a_site: site.Site) -> dict[str, str]:
    """Name → what its Secret in the cluster holds."""
    found = a_site.cluster.get(f"/api/v1/namespaces/{a_site.namespace}/secrets")
    assert found
    return {
        each["metadata"]["name"].partition("-d")[0].rsplit("-", 1)[0]
        if each["metadata"]["name"].startswith("k-generated")
        else each["metadata"]["name"]: base64.b64decode(next(iter(each["data"].values()))).decode()
        for each in found["items"]
    }


def holding(folder: pathlib.Path, *words: str) -> list[pathlib.Path]:
    """Files that hold one of the words, in the clear or in base64."""
    forms = [form for word in words for form in (word.encode(), base64.b64encode(word.encode()).rstrip(b"="))]
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if any(form in path.read_bytes() for form in forms)]


def test_encrypted_files(a_site: site.Site, tmp_path: pathlib.Path) -> None:
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    path = f"{sops.folder(tmp_path)}:{kustomize.binary().parent}:{os.environ['PATH']}"
    key = sops.key_file(tmp_path / "age-key", sops.OTHER_KEY)
    write(a_site, CANARY)
    a_site.commit("secrets")
    a_site.start(PATH=path, TMPDIR=str(boxes))

    hold = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED, "plain")
    assert "secret.yaml is encrypted with SOPS, and environment production has no key" in hold.because
    a_site.stop()
    a_site.settings["environments"]["production"]["decryption"] = {"ageKeyFile": str(key)}
    a_site.configure()
    a_site.start(PATH=path, TMPDIR=str(boxes))
    wrong = a_site.wait_ledger(
        lambda found: found.hold and "is not encrypted for the key in" in found.hold.because,
        what="the wrong key being said",
        application="built",
    )
    assert wrong.hold
    assert "overlay/secret.yaml cannot be opened" in wrong.hold.because
    assert "overlay/app.env cannot be opened" in wrong.hold.because
    assert passwords(a_site) == {}

    sops.key_file(key)  # no commit, no restart
    for name in ("plain", "built", "chart"):
        a_site.wait_ledger(lambda found: found.last_good, what="being good", application=name, timeout=120)
    wanted = dict.fromkeys(("from-folder", "k-from-base", "k-generated", "from-chart"), CANARY)
    assert passwords(a_site) == wanted

    write(a_site, NEXT)
    tampered = secret("from-folder", NEXT).replace("name: from-folder", "name: renamed")
    a_site.write(f"{FOLDER}/plain/manifests/secret.yaml", tampered)
    a_site.write("charts/db/templates/secret.yaml", TEMPLATE.replace("| quote", "| fail"))
    revision = a_site.commit("one is tampered with, one chart prints its secret, one is fine")
    a_site.wait_good(revision, "built")
    hold = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED, "plain")
    assert "its MAC does not fit: it was changed after it was encrypted" in hold.because
    hold = a_site.wait_hold(outcomes.HoldReason.RENDER_FAILED, "chart")
    assert "***" in hold.because
    assert passwords(a_site) == wanted | {"k-from-base": NEXT, "k-generated": NEXT}

    os.environ["PATH"], before = path, os.environ["PATH"]
    try:
        said = [
            a_site.command(*words) for words in (("plan",), ("status",), ("history", "production/chart"), ("doctor",))
        ]
    finally:
        os.environ["PATH"] = before
    assert not any(word in one.stdout + one.stderr for one in said for word in (CANARY, NEXT))
    assert "sops 3.11.0" in said[-1].stdout
    assert holding(a_site.state, CANARY, NEXT) == []
    assert holding(boxes, CANARY, NEXT) == []
    assert holding(a_site.log_file.parent / "config", CANARY, NEXT) == []
    assert CANARY not in a_site.log()
    assert NEXT not in a_site.log()
