"""Opening SOPS files with the real binary: what each failure says, and that nothing else of the machine is asked."""

import os
import pathlib
import re

import pytest

from reconciler import errors
from reconciler.edges import sops
from reconciler.model import sources
from tests.support import sops as support

CANARY = "canary-7f3a"
SECRET = f"apiVersion: v1\nkind: Secret\nmetadata:\n    name: db\nstringData:\n    password: {CANARY}\n"
ONLY_DATA = ("--encrypted-regex", "^(data|stringData)$")


@pytest.fixture(autouse=True)
def on_the_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(support.folder(tmp_path)))


@pytest.fixture
def key(tmp_path: pathlib.Path) -> pathlib.Path:
    return support.key_file(tmp_path / "age-key")


def file(content: str, path: str = "app/secret.yaml") -> sources.File:
    return sources.File(path, "0" * 40, content.encode())


def opener(key: pathlib.Path | None) -> sops.Sops:
    return sops.Sops({"production": key} if key else {})


async def refusal(its: sops.Sops, sealed: sources.File) -> str:
    with pytest.raises(errors.Sealed) as caught:
        await its.open(sealed, form="yaml", environment="production")
    assert CANARY not in str(caught.value)
    assert "AGE-SECRET-KEY" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("form", "path", "content"),
    [
        ("yaml", "a.yaml", SECRET),
        ("yaml", "a.yaml", f"{SECRET}---\n{SECRET}"),
        ("json", "a.json", '{"a": "canary"}'),
        ("dotenv", "a.env", "A=canary\n"),
        ("binary", "tls.key", "canary\n\0binary"),
    ],
)
async def test_every_form_comes_back(key: pathlib.Path, form: str, path: str, content: str) -> None:
    sealed = file(support.encrypt(content, form=form), path)
    assert b"canary" not in sealed.content
    opened = await opener(key).open(sealed, form=form, environment="production")
    assert "".join(opened.decode().split()) == "".join(content.split())


async def test_failures_name_the_file_and_what_to_do(key: pathlib.Path, tmp_path: pathlib.Path) -> None:
    sealed = file(support.encrypt(SECRET, *ONLY_DATA))
    text = sealed.content.decode()
    assert "has no key: name the file with its age key as decryption.ageKeyFile" in await refusal(opener(None), sealed)
    tampered = file(text.replace("name: db", "name: other"))
    assert "app/secret.yaml cannot be opened: its MAC does not fit" in await refusal(opener(key), tampered)
    damaged = file(re.sub(r"(password: ENC\[AES256_GCM,data:)....", r"\1AAAA", text))
    assert "a value in it is damaged" in await refusal(opener(key), damaged)
    other = support.key_file(tmp_path / "other", support.OTHER_KEY)
    assert f"is not encrypted for the key in {other}" in await refusal(opener(other), sealed)


async def test_keys_that_cannot_serve(key: pathlib.Path, tmp_path: pathlib.Path) -> None:
    sealed = file(support.encrypt(SECRET))
    os.chmod(key, 0o640)
    assert f"is open to others: chmod 600 {key}" in await refusal(opener(key), sealed)
    wrong = tmp_path / "wrong"
    wrong.write_text(support.RECIPIENT)
    assert "holds no age key" in await refusal(opener(wrong), sealed)
    assert "cannot be read: No such file" in await refusal(opener(tmp_path / "absent"), sealed)


async def test_the_keys_of_the_person_are_not_tried(
    key: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".config/sops/age").mkdir(parents=True)
    support.key_file(home / ".config/sops/age/keys.txt")
    for name, value in (("HOME", home), ("SOPS_AGE_KEY", support.KEY), ("SOPS_AGE_KEY_FILE", key)):
        monkeypatch.setenv(name, str(value))
    other = support.key_file(tmp_path / "other", support.OTHER_KEY)
    assert "is not encrypted for the key" in await refusal(opener(other), file(support.encrypt(SECRET)))


async def test_without_sops(key: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = file(support.encrypt(SECRET))
    assert await sops.version() == "sops 3.11.0"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install it and put it on the PATH" in await refusal(opener(key), sealed)
    old = tmp_path / "sops"
    old.write_text("#!/bin/sh\necho sops 3.7.3\n")
    old.chmod(0o700)
    with pytest.raises(errors.Sealed, match=r"names no version from 3\.9 on"):
        await sops.version()


def test_other_means_when_the_key_or_the_binary_is_another(
    key: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its = opener(key)
    first = its.means("production")
    assert its.means("production") == first != its.means("staging")
    support.key_file(key, support.OTHER_KEY)
    second = its.means("production")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert len({first, second, its.means("production")}) == 3
