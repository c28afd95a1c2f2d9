"""Who we are to an API server and how we trust it: read by `kubernetes.aio`, after refusing what must not be used.

Refused by name: exec plugins that the settings do not allow and auth providers (they start programs of a file's
choosing), a switched-off TLS check, and plain http to anything but this machine (`kubectl proxy`).
"""

import asyncio
import base64
import datetime
import ipaddress
import pathlib
import ssl
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

import yaml

from reconciler import errors
from reconciler.edges.kubernetes import library, plugins

MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where the kubelet puts a pod's token, which it replaces well before it ends, and the CA."""
EARLY = datetime.timedelta(seconds=60)
"""Credentials that say when they end are read again so long before, or after half of a short life: clocks differ."""

TOKEN = "BearerToken"  # noqa: S105 - the key under which kubernetes.aio keeps it, no token

MISSHAPEN = (TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""What kubernetes.aio, which expects the shapes of a kubeconfig, makes of others."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where credentials come from: a kubeconfig file and a context of it ('': its current one), or, without a file,
    the service account of the pod we run in. `allowed`: exec plugins may be started."""

    kubeconfig: str = ""
    context: str = ""
    allowed: plugins.Allowed | None = None
    mounted: str = MOUNTED

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
    renew: datetime.datetime | None = None
    """When to read them again, where it was said when they end."""

    @property
    def over(self) -> bool:
        """Whether it is time to read them again."""
        return self.renew is not None and datetime.datetime.now(datetime.UTC) >= self.renew

    async def authorization(self) -> str:
        """The value of the Authorization header; '' where a client certificate is all. Asked before each request, so
        that a token which kubernetes.aio refreshes is used at once."""
        token = await self.configuration.get_api_key_with_prefix(TOKEN)
        return token.strip() if token else ""  # files end with a newline, which no header may hold


async def load(source: Source) -> Credentials:
    """Raises `errors.Terminal` when they cannot be used, with what to change; `errors.Transient` when a plugin that is
    allowed gave none now."""
    configuration = library.client.Configuration()
    renew = None
    try:
        if source.kubeconfig:
            renew = await _load_kubeconfig(source, configuration)
        else:
            await asyncio.to_thread(_load_mounted, source, configuration)
        tls = library.client.ApiClient(configuration).rest_client.ssl_context
    except yaml.YAMLError as error:
        raise _no_yaml(source, error) from None
    except (library.config.ConfigException, OSError, ssl.SSLError, ValueError) as error:
        raise errors.Terminal(f"{source} cannot be used to reach a cluster: {error}") from error
    except MISSHAPEN as error:
        raise errors.Terminal(
            f"{source} cannot be used to reach a cluster: something in it has another shape than a kubeconfig's"
            f" ({type(error).__name__}); `kubectl config view` shows what it holds"
        ) from error
    server = configuration.host.rstrip("/")
    address = urllib.parse.urlsplit(server)
    if address.scheme == "http" and _on_this_machine(address.hostname or ""):
        return Credentials(configuration, server, None, None, None, renew)
    if address.scheme != "https" or not address.hostname:
        raise errors.Terminal(f"{source}: the server {server!r} must be an https address")
    proxy = configuration.proxy or _proxy_of_environment(address.hostname)
    return Credentials(configuration, server, tls, configuration.tls_server_name or None, proxy, renew)


async def check(source: Source) -> bool:
    """Raises `errors.Terminal` for what can be seen to be unusable without starting anything. Returns whether a plugin
    would have to be started."""
    if not source.kubeconfig:
        return False
    try:
        return "exec" in (await asyncio.to_thread(_read, source)).user
    except yaml.YAMLError as error:
        raise _no_yaml(source, error) from None
    except (OSError, ValueError) as error:
        raise errors.Terminal(f"{source} cannot be used to reach a cluster: {error}") from error


def _no_yaml(source: Source, error: yaml.YAMLError) -> errors.Terminal:
    """Never with the text that PyYAML quotes: the line may hold the token (I13)."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return errors.Terminal(f"{source} cannot be used to reach a cluster: it is no YAML{place}")


@dataclass(frozen=True, slots=True)
class _Kubeconfig:
    """A file as loaded, and the user and cluster of the wanted context in it."""

    loaded: dict[str, Any]
    user: dict[str, Any]
    cluster: dict[str, Any]
    folder: pathlib.Path
    where: str


async def _load_kubeconfig(source: Source, configuration: Any) -> datetime.datetime | None:
    """Returns when to read the credentials again, if a plugin said when they end."""
    found = await asyncio.to_thread(_read, source)
    given = plugins.Given()
    if "exec" in found.user and source.allowed:
        where = f"{found.where}, exec plugin"
        given = await plugins.run(
            found.user["exec"] or {}, source.allowed, cluster=found.cluster, folder=found.folder, where=where
        )
        found.user.pop("exec")
        found.user.update(_as_user(given))
    loader = library.kube_config.KubeConfigLoader(
        found.loaded, active_context=source.context or None, config_base_path=str(found.folder)
    )
    await loader.load_and_set(configuration)
    if given.ends is None:
        return None
    now = datetime.datetime.now(datetime.UTC)
    return given.ends - min(EARLY, max(given.ends - now, datetime.timedelta()) / 2)


def _as_user(given: plugins.Given) -> dict[str, str]:
    """What a plugin gave, as a kubeconfig writes it."""
    pair = {"client-certificate-data": given.certificate, "client-key-data": given.key} if given.certificate else {}
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in pair.items()}
    return encoded | ({"token": given.token} if given.token else {})


def _load_mounted(source: Source, configuration: Any) -> None:
    folder = pathlib.Path(source.mounted)
    loader = library.incluster_config.InClusterConfigLoader(str(folder / "token"), str(folder / "ca.crt"))
    loader.load_and_set(configuration)


def _read(source: Source) -> _Kubeconfig:
    """Raises `errors.Terminal` for a context that would start a program or trust any server."""
    loaded = yaml.safe_load(pathlib.Path(source.kubeconfig).read_text())
    if not isinstance(loaded, dict):
        raise ValueError("it is no kubeconfig")
    wanted = source.context or loaded.get("current-context") or ""
    context = _named(loaded, "contexts", wanted).get("context") or {}
    user = _named(loaded, "users", context.get("user", "")).get("user") or {}
    cluster = _named(loaded, "clusters", context.get("cluster", "")).get("cluster") or {}
    where = f"{source.kubeconfig}, context {wanted!r}"
    if "auth-provider" in user:
        raise errors.Terminal(
            f"{where}: the user's credentials come from `auth-provider`, which would call a third party; give the"
            " reconciler a service account and put its token into `tokenFile`"
        )
    if "exec" in user and source.allowed is None:
        raise errors.Terminal(
            f"{where}: the user's credentials come from `exec`, which would start a program of this file's choosing;"
            " give the reconciler a service account and put its token into `tokenFile`, or allow it with `exec:"
            " {allow: true}` at this cluster in deployment-config.yaml"
        )
    if cluster.get("insecure-skip-tls-verify"):
        raise errors.Terminal(
            f"{where}: `insecure-skip-tls-verify` would trust any server; name the CA in `certificate-authority`"
        )
    return _Kubeconfig(loaded, user, cluster, pathlib.Path(source.kubeconfig).absolute().parent, where)


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
