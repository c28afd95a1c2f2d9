"""Exec plugins: only where they are allowed, bounded, in an environment of their own, and as long as they say."""

import datetime
import json
import pathlib
import stat
from typing import Any

import pytest
import yaml

from reconciler import errors
from reconciler.edges.kubernetes import cluster, credentials, plugins
from reconciler.model import ids
from tests.contracts.waiting import until, until_asked
from tests.edges.kubernetes import fake
from tests.support import tls

VERSION = plugins.VERSIONS[0]
ALLOWED = plugins.Allowed(seconds=20.0)
KEY = ids.ObjectKey("", "ConfigMap", "web", "settings")


def credential(**status: str) -> str:
    return json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})


def program(folder: pathlib.Path, script: str) -> str:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


async def run(folder: pathlib.Path, script: str, allowed: plugins.Allowed = ALLOWED, **wanted: Any) -> plugins.Given:
    section = {"apiVersion": VERSION, "command": program(folder, script)} | wanted
    return await plugins.run(section, allowed, cluster={"server": "https://k.example.com"}, folder=folder, where="here")


async def test_a_token_and_when_it_ends(tmp_path: pathlib.Path) -> None:
    printed = credential(token="secret", expirationTimestamp="2026-01-01T10:00:00Z")
    given = await run(tmp_path, f"echo '{printed}'")
    assert given == plugins.Given("secret", ends=datetime.datetime(2026, 1, 1, 10, tzinfo=datetime.UTC))


async def test_its_environment_is_its_own(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAEMON_SECRET", "hidden")
    monkeypatch.setenv("CLOUD_REGION", "north")
    given = await run(
        tmp_path,
        f"env > seen; pwd >> seen; printf '%s' \"$1\" > argument; echo '{credential(token='t')}'",
        plugins.Allowed(20.0, ("CLOUD_REGION", "NOT_SET")),
        args=["; touch injected"],
        env=[{"name": "PROFILE", "value": "web"}],
        provideClusterInfo=True,
    )
    assert given.token == "t"
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines() if "=" in line)
    assert "DAEMON_SECRET" not in seen and "NOT_SET" not in seen
    assert (seen["CLOUD_REGION"], seen["PROFILE"]) == ("north", "web")
    info = json.loads(seen["KUBERNETES_EXEC_INFO"])
    assert info["spec"] == {"interactive": False, "cluster": {"server": "https://k.example.com"}}
    assert (tmp_path / "argument").read_text() == "; touch injected", "there is no shell between"
    assert not (tmp_path / "injected").exists()


async def test_what_takes_too_long_is_stopped_with_all_that_it_has_started(tmp_path: pathlib.Path) -> None:
    script = "sleep 600 & echo $! > child; sleep 600"
    with pytest.raises(errors.Transient, match=r"here: .*plugin gave no answer within 5 s and was stopped"):
        await run(tmp_path, script, plugins.Allowed(seconds=5.0))
    child = (tmp_path / "child").read_text().strip()

    def ended() -> bool:
        state = pathlib.Path(f"/proc/{child}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"

    await until(ended, what="what it has started being gone")


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo no session, log in first >&2; exit 3", "failed with exit code 3: no session, log in first"),
        ("echo hunter2", "printed no ExecCredential, but 8 bytes of something else"),
        ("echo '{}'", "printed no ExecCredential of"),
        (f"echo '{credential()}'", "neither a token nor a certificate"),
        (f"echo '{credential(clientCertificateData='c')}'", "neither a token nor a certificate"),
        (f"echo '{credential(token='hunter2', expirationTimestamp='soon')}'", "'soon' is no time"),
        (f"echo '{credential(token='hunter2', expirationTimestamp='2026-01-01T10:00:00')}'", "no time zone"),
        ("head -c 300000 /dev/zero", "printed more than"),
    ],
)
async def test_what_is_no_credential_is_said_and_never_quoted(tmp_path: pathlib.Path, script: str, says: str) -> None:
    with pytest.raises(errors.Transient, match=says) as raised:
        await run(tmp_path, script)
    assert "hunter2" not in str(raised.value)


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
OPAQUE = "AKIAIOSFODNN7EXAMPLEwJalrXUtnFEMI/K7MDENG+bPx="


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("no session, log in first", "no session, log in first"),
        ("open /home/reconciler/.config/cloud/session.json: no such file", "/.config/cloud/session.json: no such file"),
        (f"refused: {JWT}", "refused: ***"),
        (f"refused {OPAQUE} twice", "refused *** twice"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("token=hunter2 is over", "token=*** is over"),
        ("PASSWORD: hunter2, try again", "PASSWORD: ***, try again"),
        ("aws_secret_access_key = hunter2", "aws_secret_access_key = ***"),
        ("GET https://user:hunter2@sts.example.com failed", "https://***@sts.example.com failed"),
        ('{"refresh_token": "hunter2"}', "refresh_token"),
    ],
)
async def test_what_looks_like_a_credential_is_left_out_of_its_last_words(
    tmp_path: pathlib.Path, words: str, shown: str
) -> None:
    (tmp_path / "words").write_text(words)
    with pytest.raises(errors.Transient) as raised:
        await run(tmp_path, "cat words >&2; exit 1")
    assert shown in str(raised.value)
    for secret in ("hunter2", JWT, OPAQUE, OPAQUE[:32], OPAQUE[-12:]):
        assert secret not in str(raised.value)


def at_the_edge(before: str, seen: str, after: str) -> str:
    """A long credential, which nothing but its name tells, where what is looked at begins with `seen`."""
    room = plugins.LOOKED_AT - len(seen) - len(after)
    return f"{before}{seen}{('ya.hunter' * room)[:room]}{after}"


TOO_LONG = "nothing that can be quoted: its words are too long"
MANY = {
    "dots": ("." * plugins.OUTPUT, TOO_LONG),
    "JSON": ('{"a":"b"},' * 20_000, TOO_LONG),
    "words": ("log in again " * 20_000, ("log in again " * 30).strip()[-plugins.COMPLAINT :]),
    "more than is kept": (
        "log in again " * 30_000 + "the end",
        ("log in again " * 30 + "the end")[-plugins.COMPLAINT :],
    ),
    "a name in sight": (f"{'log in ' * 300}token=hunter2", "log in token=***"),
    "a name in full": (at_the_edge("- ", "token = Bearer ", " is over, log in"), ": is over, log in"),
    "half a name": (at_the_edge("tok", "en = Bearer ", " is over, log in"), ": is over, log in"),
    "half a name, alone": (at_the_edge("pass", "word : ", " is over, log in"), ": over, log in"),
    "no name": (at_the_edge("token ", "= ", " is over, log in"), ": log in"),
    "half a credential": (at_the_edge("token=ya.", "", " is over, log in again"), ": in again"),
    "no end of it": (at_the_edge("token=ya.", "", ""), TOO_LONG),
}


@pytest.mark.parametrize(("words", "shown"), MANY.values(), ids=MANY)
async def test_of_many_words_the_last_are_looked_at(tmp_path: pathlib.Path, words: str, shown: str) -> None:
    """A filter that was quadratic in all that a program may print stopped the daemon for minutes."""
    (tmp_path / "words").write_text(words)
    with pytest.raises(errors.Transient) as raised:
        await run(tmp_path, "cat words >&2; exit 1")
    assert str(raised.value).endswith(shown)
    assert "hunter" not in str(raised.value)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "apiVersion is none of"),
        ({"interactiveMode": "Always"}, "wants to ask a person"),
        ({"command": ""}, "names no command"),
        ({"command": "no-such-program-anywhere"}, "not on the PATH of the daemon"),
        ({"command": "./absent"}, "absent cannot be started: No such file"),
        ({"args": "one two"}, "`args` is no list of texts"),
        ({"env": ["A=1"]}, "`env` is no list of names and values"),
    ],
)
async def test_what_could_never_work_is_named(tmp_path: pathlib.Path, wanted: dict[str, Any], says: str) -> None:
    with pytest.raises(errors.Terminal, match=says):
        await run(tmp_path, "exit 0", **wanted)


# --- in a kubeconfig


def kubeconfig(folder: pathlib.Path, server: str, script: str) -> pathlib.Path:
    program(folder, script)
    user = {"exec": {"apiVersion": VERSION, "command": "./plugin"}}
    config = {
        "current-context": "fake",
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "clusters": [{"name": "fake", "cluster": {"server": server}}],
        "users": [{"name": "fake", "user": user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


COUNTED = "echo x >> starts; cat credential"


def starts(folder: pathlib.Path) -> int:
    path = folder / "starts"
    return len(path.read_text().splitlines()) if path.exists() else 0


def prints(folder: pathlib.Path, token: str, *, lasts: float | None = None) -> None:
    """What the plugin prints from now on; `lasts`: seconds."""
    ends = {}
    if lasts is not None:
        at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=lasts)
        ends = {"expirationTimestamp": at.isoformat()}
    (folder / "credential").write_text(credential(token=token, **ends))


async def test_it_is_started_with_the_first_request_and_again_before_its_token_ends(
    api: fake.FakeApi, tmp_path: pathlib.Path
) -> None:
    path = kubeconfig(tmp_path, api.url, COUNTED)
    edge = await cluster.connect("fake", kubeconfig=str(path), allowed=ALLOWED)
    try:
        assert starts(tmp_path) == 0, "a start of the daemon waits for no cloud"
        api.token = "first"
        prints(tmp_path, "first", lasts=3600)
        for _ in range(3):
            assert await edge.read(KEY) is None
        assert starts(tmp_path) == 1
        prints(tmp_path, "second", lasts=6.0)
        api.token = "second"  # the first one was revoked: 401, and the plugin is asked once
        assert await edge.read(KEY) is None
        assert starts(tmp_path) == 2
        prints(tmp_path, "third", lasts=3600)

        async def renewed() -> bool:
            assert await edge.read(KEY) is None
            return starts(tmp_path) == 3

        api.token = ""  # any is accepted: it must be time that renews it
        await until_asked(renewed, what="the token being renewed without a 401")
        for _ in range(3):
            assert await edge.read(KEY) is None
        assert starts(tmp_path) == 3
    finally:
        await edge.close()


async def test_a_plugin_that_fails_shortly_before_the_end_fails_nobody_yet(
    api: fake.FakeApi, tmp_path: pathlib.Path
) -> None:
    path = kubeconfig(tmp_path, api.url, COUNTED)
    edge = await cluster.connect("fake", kubeconfig=str(path), allowed=ALLOWED)
    try:
        api.token = "first"
        prints(tmp_path, "first", lasts=0)
        assert await edge.read(KEY) is None
        (tmp_path / "credential").unlink()
        assert await edge.read(KEY) is None
        api.token = "another"
        with pytest.raises(errors.Transient, match=r"credentials of cluster fake: .*exec plugin: .*exit code 1"):
            await edge.read(KEY)
    finally:
        await edge.close()


async def test_without_leave_nothing_is_started_and_the_setting_is_named(tmp_path: pathlib.Path) -> None:
    path = kubeconfig(tmp_path, "https://k.example.com", COUNTED)
    with pytest.raises(errors.Terminal, match=r"exec: \{allow: true\}"):
        await cluster.connect("fake", kubeconfig=str(path))
    assert starts(tmp_path) == 0


async def test_a_certificate_is_used_as_one(tmp_path: pathlib.Path) -> None:
    certificate, key = tls.write(tmp_path)
    pair = {"clientCertificateData": certificate.read_text(), "clientKeyData": key.read_text()}
    (tmp_path / "credential").write_text(credential(**pair))
    path = kubeconfig(tmp_path, "https://k.example.com", COUNTED)
    found = await credentials.load(credentials.Source(str(path), "", ALLOWED))
    assert found.tls is not None
    assert await found.authorization() == ""
    assert certificate.read_text() == read(found.configuration.cert_file)


def read(path: str) -> str:
    return pathlib.Path(path).read_text()
