"""Repositories with an `index.yaml` over https."""

import re
from urllib import parse

from reconciler import errors, yamltext
from reconciler.edges.charts import web
from reconciler.model import document, targets

INDEX_BYTES = 64 * 1024**2
"""Of index.yaml: public ones with ten years of versions reach 30 MiB."""


async def fetch(host: web.Host, wanted: targets.ChartArchive, *, limit: int) -> bytes:
    """The archive. Raises `errors.ChartUnavailable`, `errors.InvalidInput`."""
    base, authorization = host.place.url, host.basic()
    address = f"{wanted.repository}/index.yaml"
    answer = await host.get(address, limit=INDEX_BYTES, authorization=authorization)
    text = web.expected(answer, address, what="index.yaml").decode("utf-8", "replace")
    found = url_of(text, wanted)
    if not found:
        raise errors.ChartUnavailable(f"{wanted} is not in {address}")
    url = parse.urljoin(f"{wanted.repository}/", found)
    same = parse.urlsplit(url)[:2] == parse.urlsplit(base)[:2]
    answer = await host.get(url, limit=limit, authorization=authorization if same else "")
    return web.expected(answer, url, what=str(wanted))


def url_of(text: str, wanted: targets.ChartArchive) -> str:
    """Where the index says that the archive is; '' when it has no such version.

    Only the chart's own entries are parsed, as far as the index is laid out as Helm writes it: all of a large one takes
    half a minute.
    """
    for part in (*_entries(text, wanted), text):
        try:
            loaded = yamltext.load_all(part, "index.yaml")
        except errors.InvalidInput:
            continue
        value = loaded[0].value if loaded else None
        entries = value if isinstance(value, list) else []
        if isinstance(value, dict):
            entries = document.items(value, "entries", wanted.name)
        for entry in entries:
            if isinstance(entry, dict) and document.text(entry, "version") == wanted.version:
                urls = document.items(entry, "urls")
                return urls[0] if urls and isinstance(urls[0], str) else ""
    return ""


def _entries(text: str, wanted: targets.ChartArchive) -> tuple[str, ...]:
    """The texts of the chart's entries that hold the version's number, each a list of one."""
    heading = re.search(rf"^  ['\"]?{re.escape(wanted.name)}['\"]?:[ ]*\n", text, re.MULTILINE)
    if heading is None:
        return ()
    end = re.compile(r"^(?: {0,2})[^ \n#-]", re.MULTILINE).search(text, heading.end())
    block = text[heading.end() : end.start() if end else len(text)]
    items = re.split(r"^(?=  - )", block, flags=re.MULTILINE)
    return tuple(item for item in items if item.startswith("  - ") and wanted.version in item)
