"""OCI registries: the distribution API, as far as one chart needs it."""

import re
from urllib import parse

import orjson

from reconciler import errors
from reconciler.edges.charts import web
from reconciler.model import document, targets

CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MANIFEST_BYTES = 1024**2
PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')


async def fetch(host: web.Host, wanted: targets.ChartArchive, *, limit: int) -> bytes:
    """The archive. Raises `errors.ChartUnavailable`, `errors.InvalidInput`."""
    address = parse.urlsplit(wanted.repository)
    base = f"https://{address.netloc}/v2{address.path}/{wanted.name}"
    tag = wanted.version.replace("+", "_")  # tags know no +
    manifest = f"{base}/manifests/{tag}"
    answer = await host.get(manifest, limit=MANIFEST_BYTES, accept=MANIFEST)
    authorization = ""
    if answer.status == 401:
        authorization = await _authorization(host, answer)
        answer = await host.get(manifest, limit=MANIFEST_BYTES, accept=MANIFEST, authorization=authorization)
    blob = f"{base}/blobs/{_layer(web.expected(answer, manifest, what=str(wanted)), wanted)}"
    answer = await host.get(blob, limit=limit, authorization=authorization)
    return web.expected(answer, blob, what=str(wanted))


async def _authorization(host: web.Host, answer: web.Answer) -> str:
    """What the registry wants to be shown: the credentials themselves, or a token that its token server gives for
    them. The token server must be listed, and sees the credentials only where it is the registry's own host or the
    `tokenServer`."""
    scheme, _, rest = answer.headers.get("www-authenticate", "").partition(" ")
    if scheme.lower() != "bearer":
        return host.basic()
    asked = dict(PARAMETER.findall(rest))
    realm = asked.pop("realm", "")
    trusted = [parse.urlsplit(url)[:2] for url in (host.place.url, host.place.token_server) if url]
    known = parse.urlsplit(realm)[:2] in trusted
    wanted = {key: value for key, value in asked.items() if key in ("service", "scope")}
    reply = await host.get(realm, limit=MANIFEST_BYTES, authorization=host.basic() if known else "", parameters=wanted)
    value = _json(web.expected(reply, realm, what="a token"), where=realm)
    return f"Bearer {document.text(value, 'token') or document.text(value, 'access_token')}"


def _layer(body: bytes, wanted: targets.ChartArchive) -> str:
    for layer in document.items(_json(body, where=str(wanted)), "layers"):
        if isinstance(layer, dict) and document.text(layer, "mediaType") == CHART:
            digest = document.text(layer, "digest")
            if re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
                return digest
    raise errors.InvalidInput((f"{wanted} holds no Helm chart; correct repository or name",))


def _json(body: bytes, *, where: str) -> document.Json:
    try:
        return document.decode(body)
    except (orjson.JSONDecodeError, ValueError) as error:
        raise errors.ChartUnavailable(f"{where} answered with something that is no JSON object") from error
