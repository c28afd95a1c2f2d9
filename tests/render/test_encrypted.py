"""Which files are encrypted, which are refused beforehand, and what of an opened one must not be said."""

import pytest

from reconciler import errors
from reconciler.model import sources
from reconciler.render import encrypted

MAC = "mac: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]"
AGE = f"sops:\n  age: [{{recipient: age1x}}]\n  lastmodified: '2026-01-01T00:00:00Z'\n  {MAC}\n  version: 3.11.0\n"
DOTENV = "A=ENC[AES256_GCM,data:x]\nsops_age__list_0__map_recipient=age1x\nsops_mac=x\nsops_version=3.11.0\n"


def file(content: str, path: str = "app/secret.yaml") -> sources.File:
    return sources.File(path, "0" * 40, content.encode())


@pytest.mark.parametrize(
    ("content", "path", "wanted"),
    [
        (f"kind: Secret\n{AGE}", "a.yaml", encrypted.Form.YAML),
        (f"kind: Secret\n{AGE}", "a.yml", encrypted.Form.YAML),
        (f"kind: A\n---\nkind: Secret\n{AGE}", "a.yaml", encrypted.Form.YAML),
        (f"a: 1\n{AGE}  encrypted_regex: ^data$\n  mac_only_encrypted: true\n", "a.yaml", encrypted.Form.YAML),
        (f"a: 1\n{AGE}  kms: []\n  pgp: null\n  hc_vault: []\n", "a.yaml", encrypted.Form.YAML),
        ('{"a": "x", "sops": {"mac": "x", "age": [{}]}}', "a.json", encrypted.Form.JSON),
        ('{"data": "x", "sops": {"mac": "x", "age": [{}]}}', "tls.key", encrypted.Form.BINARY),
        (DOTENV, "app.env", encrypted.Form.DOTENV),
        ("kind: Secret\n", "a.yaml", None),
        ("# see sops, and mac\nkind: ConfigMap\n", "a.yaml", None),
        ("kind: ConfigMap\ndata: {sops: mac}\n", "a.yaml", None),
        ("sops: mac\n", "a.yaml", None),
        (f"a: {{\n{AGE}", "broken.yaml", None),
        ("{{ .Values.sops.mac }}: x\n", "templates/a.yaml", None),
    ],
)
def test_forms(content: str, path: str, wanted: encrypted.Form | None) -> None:
    assert encrypted.form(file(content, path)) is wanted


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (f"a: 1\n{AGE}  kms: [{{arn: 'arn:aws:kms:…'}}]\n", "kms"),
        (f"a: 1\n{AGE}  hc_vault: [{{vault_address: 'http://169.254.169.254'}}]\n", "hc_vault"),
        (f"a: 1\n{AGE}  pgp: [{{fp: x}}]\n  gcp_kms: [{{}}]\n", "gcp_kms, pgp"),
        (f"a: 1\n{AGE}  key_groups: [{{}}]\n", "key_groups"),
        (f"a: 1\n{AGE}  something_new: x\n", "something_new"),
        (f"{DOTENV}sops_hc_vault__list_0__map_vault_address=http://169.254.169.254\n", "hc_vault"),
        (f"a: 1\n---\nb: 1\n{AGE}  azure_kv: [{{}}]\n", "azure_kv"),
    ],
)
def test_what_sops_would_ask_others_for_is_refused(content: str, named: str) -> None:
    """A commit must not be able to make the daemon ask an address of its choice (I17)."""
    with pytest.raises(errors.InvalidInput, match=f"is encrypted by SOPS with {named}, and only age keys"):
        encrypted.form(file(content))


def test_ini_is_refused_by_name() -> None:
    with pytest.raises(errors.InvalidInput, match="INI files are not supported"):
        encrypted.form(file("[a]\nb = ENC[]\n[sops]\nmac = x\n", "a.ini"))


def test_the_values_that_were_encrypted() -> None:
    before = "a: ENC[AES256_GCM,x]\nb: plain\nc: [ENC[AES256_GCM,y], {d: 'ENC[AES256_GCM,z]'}]\nn: ENC[AES256_GCM,n]\n"
    before = before.replace("[ENC[AES256_GCM,y]", "['ENC[AES256_GCM,y]'")
    after = 'a: hunter2\nb: plain\nc: [two, {d: "line one\\nline two"}]\nn: 5432\n'
    found = encrypted.opened_values(file(before), after.encode(), how=encrypted.Form.YAML)
    assert found == {"hunter2", "two", "line one\nline two", "line one", "line two", "5432"}
    assert encrypted.opened_values(file(DOTENV), b"A=hunter2\nB=\n", how=encrypted.Form.DOTENV) == {"hunter2"}


def test_masked() -> None:
    problems = ('a: cannot use "hunter22" as int', "b: hunter2, hunter2", "c: fine")
    assert encrypted.masked(problems, {"hunter2", "hunter22", " "}) == (
        'a: cannot use "***" as int',
        "b: ***, ***",
        "c: fine",
    )
    assert encrypted.masked(problems, set()) == problems
