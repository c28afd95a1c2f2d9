"""Who we are to an API server and how we trust it: read by `kubernetes.aio`, after refusing what must not be used.

Refused by name: exec plugins and auth providers (they start programs of a file's choosing), a switched-off TLS check,
and plain http to anything but this machine (`kubectl proxy`).
"""

import asyncio
import ipaddress
import pathlib
import ssl
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

import yaml
from kubernetes.aio import client, config

from reconciler import errors

TOKEN = "BearerToken"  # noqa: S105 - the key under which kubernetes.aio keeps it, no token

MISSHAPEN = (TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""What kubernetes.aio, which expects the shapes of a kubeconfig, makes of others."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where credentials come from: a kubeconfig file and a context of it ('': its current one), or, without a file,
    the service account of the pod we run in."""

    kubeconfig: str = ""
    context: str = ""

    def __str__(self) -> str:
        return self.kubeconfig or "the service account of this pod"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One reading of them. `tls` None: plain http on this machine."""

    configuration: Any
    server: str
    """`https://host:port`, perhaps with a path, without a slash at its end."""
    tls: ssl.SSLContext | None
    server_name: str | None
    proxy: str | None

    async def authorization(self) -> str:
        """The value of the Authorization header; '' where a client certificate is all. Asked before each request, so
        that a token which kubernetes.aio refreshes is used at once."""
        token = await self.configuration.get_api_key_with_prefix(TOKEN)
        return token.strip() if token else ""  # files end with a newline, which no header may hold


async def load(source: Source) -> Credentials:
    """Raises `errors.Terminal` when they cannot be used, with what to change."""
    configuration = client.Configuration()
    try:
        if source.kubeconfig:
            await asyncio.to_thread(_refuse_unsafe, source)
            await config.load_kube_config(
                source.kubeconfig,
                context=source.context or None,
                client_configuration=configuration,
                persist_config=False,
            )
        else:
            await asyncio.to_thread(config.load_incluster_config, configuration)
        tls = client.ApiClient(configuration).rest_client.ssl_context
    except (config.ConfigException, OSError, ssl.SSLError, yaml.YAMLError, ValueError) as error:
        raise errors.Terminal(f"{source} cannot be used to reach a cluster: {error}") from error
    except MISSHAPEN as error:
        raise errors.Terminal(
            f"{source} cannot be used to reach a cluster: something in it has another shape than a kubeconfig's"
            f" ({type(error).__name__}); `kubectl config view` shows what it holds"
        ) from error
    server = configuration.host.rstrip("/")
    address = urllib.parse.urlsplit(server)
    if address.scheme == "http" and _on_this_machine(address.hostname or ""):
        return Credentials(configuration, server, None, None, None)
    if address.scheme != "https" or not address.hostname:
        raise errors.Terminal(f"{source}: the server {server!r} must be an https address")
    proxy = configuration.proxy or _proxy_of_environment(address.hostname)
    return Credentials(configuration, server, tls, configuration.tls_server_name or None, proxy)


def _refuse_unsafe(source: Source) -> None:
    """Raises `errors.Terminal` for a context that would start a program or trust any server."""
    loaded = yaml.safe_load(pathlib.Path(source.kubeconfig).read_text())
    if not isinstance(loaded, dict):
        raise ValueError("it is no kubeconfig")
    wanted = source.context or loaded.get("current-context") or ""
    context = _named(loaded, "contexts", wanted).get("context") or {}
    user = _named(loaded, "users", context.get("user", "")).get("user") or {}
    cluster = _named(loaded, "clusters", context.get("cluster", "")).get("cluster") or {}
    where = f"{source.kubeconfig}, context {wanted!r}"
    for plugin in ("exec", "auth-provider"):
        if plugin in user:
            raise errors.Terminal(
                f"{where}: the user's credentials come from `{plugin}`, which would start a program or call a third"
                " party; give the reconciler a service account and put its token into `tokenFile`"
            )
    if cluster.get("insecure-skip-tls-verify"):
        raise errors.Terminal(
            f"{where}: `insecure-skip-tls-verify` would trust any server; name the CA in `certificate-authority`"
        )


def _named(loaded: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    """The entry of that name; empty where there is none, about which kubernetes.aio complains."""
    entries = loaded.get(section)
    found = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return next((entry for entry in found if entry.get("name") == name), {})


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxy_of_environment(host: str) -> str | None:
    """What kubectl does where the kubeconfig names none: HTTPS_PROXY, unless NO_PROXY covers the host."""
    if urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get("https")
