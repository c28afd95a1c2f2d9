"""Credentials that a program prints: the exec plugins of kubeconfigs, where the daemon's own settings allow them.

No shell, no terminal, an environment of its own, an end after some seconds for it and whatever it has started. What it
prints is never quoted: it is a credential. Its format: https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

import asyncio
import contextlib
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler import errors
from reconciler.model import document

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
OUTPUT = 256 * 1024
"""Bytes of what it prints; a token or a chain of certificates has a few thousand."""
COMPLAINT = 300
"""Characters kept of the end of what it complains of."""
LOOKED_AT = 2048
"""Bytes of its end in which credentials are looked for. In all that a program may print it would take minutes, and the
daemon does nothing else meanwhile."""
SECRET = re.compile(
    r"(?P<name>(?:authorization|token|passw(?:or)?d|secret|credentials?|[\w-]{0,40}key(?:[-_]?id)?)[\"']?\s*[:=]\s*"
    r"(?:(?:bearer|basic)\s+)?|(?:bearer|basic)\s+)[^\s,;]+"  # what is called so
    r"|(?<=://)[^/@\s]+(?=@)"  # the user in a URL
    r"|\bey[\w-]{8,}\.[\w.-]+"  # a JSON web token
    r"|(?<![\w+/=-])(?=\S{0,200}\d)[\w+/=-]{32,}",  # long, with a digit, without a dot, as paths and names have them
    re.IGNORECASE,
)
"""What looks like a credential."""
ALWAYS = ("PATH", "HOME", "LANG", "TMPDIR")
"""Of the daemon's environment: where programs, their settings and temporary files are. Others are named in `exec`."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """That plugins may be started: for how many seconds, and with which further variables of our environment."""

    seconds: float
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What a plugin gave: a token, or a certificate with its key (PEM), and when it ends (aware; None: not said)."""

    token: str = ""
    certificate: str = ""
    key: str = ""
    ends: datetime.datetime | None = None


async def run(
    wanted: Mapping[str, Any], allowed: Allowed, *, cluster: Mapping[str, Any], folder: pathlib.Path, where: str
) -> Given:
    """Start the plugin `wanted`, an `exec` section, of a kubeconfig in `folder`. `where` names it in errors:
    `errors.Terminal` when it could never work, `errors.Transient` when it failed this time."""
    command, arguments = _command(wanted, folder=folder, where=where), wanted.get("args") or []
    if not isinstance(arguments, list) or not all(isinstance(one, str) for one in arguments):
        raise errors.Terminal(f"{where}: `args` is no list of texts")
    environment = {name: os.environ[name] for name in (*ALWAYS, *allowed.variables) if name in os.environ}
    environment |= dict(_variables(wanted, where=where))
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(_info(wanted, cluster))
    out = await _output(
        command, arguments, environment=environment, seconds=allowed.seconds, folder=folder, where=where
    )
    return _given(out, version=wanted["apiVersion"], where=where)


def _command(wanted: Mapping[str, Any], *, folder: pathlib.Path, where: str) -> str:
    """The program's path: beside the kubeconfig where it is written with a slash, as kubectl has it, else of the
    PATH."""
    if wanted.get("apiVersion") not in VERSIONS:
        raise errors.Terminal(f"{where}: its apiVersion is none of {', '.join(VERSIONS)}")
    if wanted.get("interactiveMode") == "Always":
        raise errors.Terminal(f"{where}: it wants to ask a person (interactiveMode: Always), and there is none here")
    command = wanted.get("command")
    if not isinstance(command, str) or not command:
        raise errors.Terminal(f"{where}: it names no command")
    found = str(folder / command) if "/" in command else shutil.which(command)
    if found is None:
        raise errors.Terminal(f"{where}: {command} is not on the PATH of the daemon; install it, or write its path")
    return found


def _variables(wanted: Mapping[str, Any], *, where: str) -> Iterator[tuple[str, str]]:
    for item in wanted.get("env") or ():
        if (
            not isinstance(item, dict)
            or not isinstance(item.get("name"), str)
            or not isinstance(item.get("value"), str)
        ):
            raise errors.Terminal(f"{where}: `env` is no list of names and values")
        yield item["name"], item["value"]


def _info(wanted: Mapping[str, Any], cluster: Mapping[str, Any]) -> document.Json:
    """What the plugin is told; of the cluster only where it asks for it."""
    spec: document.Json = {"interactive": False}
    if wanted.get("provideClusterInfo"):
        kept = ("server", "tls-server-name", "certificate-authority-data", "proxy-url")
        spec["cluster"] = {name: cluster[name] for name in kept if name in cluster}
    return {"apiVersion": wanted["apiVersion"], "kind": "ExecCredential", "spec": spec}


async def _output(
    command: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float,
    folder: pathlib.Path,
    where: str,
) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise errors.of_the_machine(f"{where}: {command} cannot be started", error) from error
    try:
        async with asyncio.timeout(seconds):
            out, err = await asyncio.gather(_begin(process.stdout), _end(process.stderr))
            await process.wait()
    except TimeoutError as error:
        because = f"{where}: {command} gave no answer within {seconds:g} s and was stopped"
        raise errors.Transient(because) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also whatever it has left behind
        await process.wait()
    if process.returncode:
        raise errors.Transient(f"{where}: {command} failed with exit code {process.returncode}: {_complaint(err)}")
    if len(out) > OUTPUT:
        raise errors.Transient(f"{where}: {command} printed more than {OUTPUT} bytes")
    return out


def _complaint(err: bytes) -> str:
    """The last words of a program that handles credentials: whatever looks like one is left out (I13)."""
    said = "".join(one if one.isprintable() else " " for one in err[-LOOKED_AT:].decode(errors="replace"))
    said = SECRET.sub(_hidden, said)
    if len(err) > LOOKED_AT:  # nothing says any more that the first four may be the end of `token = Bearer …`
        said = "".join(said.split(maxsplit=4)[4:]) or "nothing that can be quoted: its words are too long"
    return said.strip()[-COMPLAINT:] or "no word"


def _hidden(found: re.Match[str]) -> str:
    return f"{found['name'] or ''}***"


async def _begin(stream: asyncio.StreamReader | None) -> bytes:
    """A byte more than is allowed of what it prints; all of it is read, or it would wait for us."""
    kept = b""
    async for more in _read(stream):
        kept = (kept + more)[: OUTPUT + 1]
    return kept


async def _end(stream: asyncio.StreamReader | None) -> bytes:
    """As much of the end of what it complains of: the last words tell why it failed."""
    kept = b""
    async for more in _read(stream):
        kept = (kept + more)[-OUTPUT - 1 :]
    return kept


async def _read(stream: asyncio.StreamReader | None) -> AsyncIterator[bytes]:
    assert stream is not None  # noqa: S101 - both are pipes; this tells the type checker
    while more := await stream.read(1 << 16):
        yield more


def _given(out: bytes, *, version: str, where: str) -> Given:
    try:
        found = document.decode(out)
    except ValueError as error:
        raise errors.Transient(
            f"{where}: it printed no ExecCredential, but {len(out)} bytes of something else"
        ) from error
    if document.text(found, "kind") != "ExecCredential" or document.text(found, "apiVersion") != version:
        raise errors.Transient(f"{where}: it printed no ExecCredential of {version}")
    token = document.text(found, "status", "token")
    certificate, key = (document.text(found, "status", name) for name in ("clientCertificateData", "clientKeyData"))
    if not token and not (certificate and key):
        raise errors.Transient(f"{where}: it gave neither a token nor a certificate with its key")
    ends = document.text(found, "status", "expirationTimestamp")
    try:
        when = datetime.datetime.fromisoformat(ends) if ends else None
    except ValueError as error:
        raise errors.Transient(f"{where}: its expirationTimestamp {ends!r} is no time") from error
    if when is not None and when.tzinfo is None:
        raise errors.Transient(f"{where}: its expirationTimestamp {ends!r} has no time zone")
    return Given(token, certificate, key, when)
