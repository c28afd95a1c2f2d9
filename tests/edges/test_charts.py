"""Charts from repositories elsewhere: by digest, from listed hosts, within limits (I10, I17; REN-07, REN-08)."""

import gzip
import io
import pathlib
import tarfile
from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler import errors
from reconciler.edges.charts import archive, index, store, web
from reconciler.model import sources, targets
from tests.support import chartserver

TEMPLATE = "kind: ConfigMap\n"
CHART = chartserver.packed({"templates/a.yaml": TEMPLATE, "values.yaml": "a: 1\n"})
PATH = "web-1.2.3.tgz"


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[chartserver.ChartServer]:
    with chartserver.serving(tmp_path) as (made,):
        made.charts[("web", "1.2.3")] = CHART
        yield made


class Bench:
    """One store, with `server` listed."""

    def __init__(self, server: chartserver.ChartServer, folder: pathlib.Path) -> None:
        self.server = server
        self.place = web.Place(server.url, ca_file=server.ca_file)
        self.folder = folder / "charts"

    def wanted(self, *, kind: str = "https", version: str = "1.2.3", content: bytes = CHART) -> targets.ChartArchive:
        place = f"{kind}://{self.server.host}/charts"
        return targets.ChartArchive(place, "web", version, chartserver.digest(content))

    async def fetch(self, wanted: targets.ChartArchive) -> tuple[sources.File, ...]:
        return await store.ChartStore(self.folder, places=[self.place]).chart(wanted, path=PATH)

    async def refused(self, wanted: targets.ChartArchive) -> str:
        with pytest.raises((errors.InvalidInput, errors.ChartUnavailable)) as refusal:
            await self.fetch(wanted)
        return f"{type(refusal.value).__name__}: {refusal.value}"


@pytest.fixture
def bench(server: chartserver.ChartServer, tmp_path: pathlib.Path) -> Bench:
    return Bench(server, tmp_path)


@pytest.mark.parametrize("kind", ["https", "oci"])
async def test_a_chart_is_fetched_once_and_then_costs_no_request(bench: Bench, kind: str) -> None:
    files = await bench.fetch(bench.wanted(kind=kind))
    names = ["Chart.yaml", "templates/a.yaml", "values.yaml"]
    assert [file.path for file in files] == [f"{PATH}/{name}" for name in names]
    assert files[1].content == TEMPLATE.encode()
    asked = len(bench.server.asked)
    bench.server.close()
    assert await bench.fetch(bench.wanted(kind=kind)) == files, "also while the host is away"
    assert len(bench.server.asked) == asked
    assert "ChartUnavailable" in await bench.refused(bench.wanted(kind=kind, version="9.9.9", content=b"another"))


async def test_a_damaged_file_of_the_cache_is_fetched_again(bench: Bench) -> None:
    files = await bench.fetch(bench.wanted())
    (kept,) = bench.folder.iterdir()
    kept.write_bytes(b"damaged")
    assert await bench.fetch(bench.wanted()) == files
    assert kept.read_bytes() == CHART


@pytest.mark.parametrize("kind", ["https", "oci"])
@pytest.mark.row("GIT-13")
async def test_the_digest_is_required_and_told(bench: Bench, kind: str) -> None:
    wanted = bench.wanted(kind=kind)
    told = await bench.refused(replace(wanted, digest=""))
    digest = wanted.digest
    assert told == f"InvalidInput: source.chart.digest: is required; write digest: {digest}, which {wanted} has now"
    other = bench.wanted(kind=kind, content=b"other")
    assert f"has {wanted.digest} and not {other.digest}: it was published anew" in await bench.refused(other)
    assert not bench.folder.exists()


@pytest.mark.parametrize("kind", ["https", "oci"])
async def test_what_is_not_there_may_be_published_later(bench: Bench, kind: str) -> None:
    told = await bench.refused(bench.wanted(kind=kind, version="1.2.4"))
    assert told.startswith("ChartUnavailable: web 1.2.4 of ")


async def test_a_repository_that_nobody_listed_is_not_asked(bench: Bench) -> None:
    bench.place = replace(bench.place, url=f"{bench.server.url}/other")
    assert "is none of chartRepositories in the daemon's deployment-config.yaml" in await bench.refused(bench.wanted())
    bench.place = replace(bench.place, url=f"{bench.server.url}/chart")
    assert "is none of chartRepositories" in await bench.refused(bench.wanted()), "by whole steps"
    assert bench.server.asked == []


# --- credentials, redirects -------------------------------------------------------------------------------------------


def with_password(bench: Bench, folder: pathlib.Path) -> None:
    bench.server.credentials = ("token", "s3cret")
    (folder / "password").write_text("s3cret\n")
    bench.place = replace(bench.place, password_file=folder / "password")


@pytest.mark.parametrize("kind", ["https", "oci"])
async def test_credentials_come_from_the_daemons_disk(bench: Bench, kind: str, tmp_path: pathlib.Path) -> None:
    bench.server.credentials = ("token", "s3cret")
    assert "HTTP 401); name its credentials in chartRepositories" in (
        await bench.refused(bench.wanted(kind=kind))
    ).replace(f" at {bench.server.url}/charts/index.yaml", "").replace(f" at {bench.server.url}/token", "")
    with_password(bench, tmp_path)
    assert await bench.fetch(bench.wanted(kind=kind))


@pytest.mark.parametrize("way", ["the index", "a redirect"])
async def test_other_hosts_are_asked_only_when_listed_and_without_credentials(tmp_path: pathlib.Path, way: str) -> None:
    with chartserver.serving(tmp_path, ports=2) as (server, other):
        bench = Bench(server, tmp_path)
        server.charts[("web", "1.2.3")] = other.charts[("web", "1.2.3")] = CHART
        with_password(bench, tmp_path)
        if way == "the index":
            server.archives_at = f"{other.url}/x/"
        else:
            server.moved["/charts/web-1.2.3.tgz"] = f"{other.url}/x/web-1.2.3.tgz"
        told = await bench.refused(bench.wanted())
        assert "leads to https://127.0.0.1, which is not listed; add it to alsoFrom" in told
        assert other.asked == []
        bench.place = replace(bench.place, also_from=(other.url,))
        assert await bench.fetch(bench.wanted())
        assert other.asked == [("/x/web-1.2.3.tgz", "")]


async def test_redirects_within_the_host_are_followed_and_endless_ones_not(bench: Bench) -> None:
    bench.server.moved["/charts/web-1.2.3.tgz"] = "/charts/there/web-1.2.3.tgz"
    assert await bench.fetch(bench.wanted())
    bench.server.moved["/charts/web-1.2.3.tgz"] = "/charts/web-1.2.3.tgz"
    (kept,) = bench.folder.iterdir()
    kept.unlink()
    assert "redirects more than 5 times" in await bench.refused(bench.wanted())


async def test_http_is_not_spoken(bench: Bench) -> None:
    bench.server.archives_at = f"http://{bench.server.host}/"
    assert "leads to http://127.0.0.1, which is not listed" in await bench.refused(bench.wanted())


async def test_an_authority_that_nobody_named_is_not_trusted(bench: Bench) -> None:
    bench.place = replace(bench.place, ca_file=None)
    assert "CERTIFICATE_VERIFY_FAILED" in await bench.refused(bench.wanted())


@pytest.mark.row("REN-08")
async def test_more_than_the_limit_is_not_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """REN-08."""
    monkeypatch.setattr(store, "ARCHIVE_BYTES", 100)
    assert "holds more than 100 bytes" in await bench.refused(bench.wanted())


# --- index.yaml -------------------------------------------------------------------------------------------------------

HELMS = """apiVersion: v1
entries:
  web-extra:
  - {version: 1.2.3, urls: [wrong.tgz]}
  web:
  - apiVersion: v2
    description: |
      web:
    urls:
    - https://charts.example.com/web-1.2.30.tgz
    version: 1.2.30
  - urls:
    - web-1.2.3.tgz
    version: "1.2.3"
  z:
  - {version: 1.2.3, urls: [wrong.tgz]}
generated: "2026-01-01T00:00:00Z"
"""


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (HELMS, "web-1.2.3.tgz"),
        (HELMS.replace("  web:\n", '  "web":\n'), "web-1.2.3.tgz"),
        ('{"entries": {"web": [{"version": "1.2.3", "urls": ["a.tgz"]}]}}', "a.tgz"),
        (HELMS.replace('"1.2.3"', "1.2.4"), ""),
        (HELMS.replace("  web:\n", "  other:\n"), ""),
        ("entries: [", ""),
        ("", ""),
        ("entries: {web: [{version: 1.2.3}]}", ""),
    ],
)
def test_the_index_is_read_as_far_as_needed(text: str, url: str) -> None:
    assert index.url_of(text, targets.ChartArchive("https://x", "web", "1.2.3", "")) == url


# --- archives ---------------------------------------------------------------------------------------------------------

WANTED = targets.ChartArchive("https://charts.example.com", "web", "1.2.3", "")


def crafted(*members: tuple[str, bytes, bytes], chart: str = "name: web\nversion: 1.2.3\n") -> bytes:
    """An archive of a chart with these further members: name, type, content or link."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:gz") as packed:
        for name, kind, data in ((("web/Chart.yaml", tarfile.REGTYPE, chart.encode())), *members):
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind in (tarfile.LNKTYPE, tarfile.SYMTYPE):
                member.linkname = data.decode()
            else:
                member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return plain.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (crafted(("web/../../x", tarfile.REGTYPE, b"")), "does not lie within the chart's folder"),
        (crafted(("../x", tarfile.REGTYPE, b"")), "does not lie within the chart's folder"),
        (crafted(("/etc/passwd", tarfile.REGTYPE, b"")), "does not lie within the chart's folder"),
        (crafted(("web\\..\\x", tarfile.REGTYPE, b"")), "does not lie within the chart's folder"),
        (crafted(("x", tarfile.REGTYPE, b"")), "does not lie within the chart's folder"),
        (crafted(("web/Chart.lock", tarfile.SYMTYPE, b"/etc/passwd")), "links and devices are refused"),
        (crafted(("web/x", tarfile.LNKTYPE, b"web/Chart.yaml")), "links and devices are refused"),
        (crafted(("web/x", tarfile.CHRTYPE, b"")), "links and devices are refused"),
        (crafted(("web/x", tarfile.FIFOTYPE, b"")), "links and devices are refused"),
        (crafted(("web/Chart.yaml", tarfile.REGTYPE, b"")), "holds 'Chart.yaml' twice"),
        (crafted(chart="name: ../x\nversion: 1.2.3\n"), "says in its Chart.yaml that it is ../x 1.2.3"),
        (crafted(chart="name: web\nversion: 1.2.4\n"), "says in its Chart.yaml that it is web 1.2.4"),
        (crafted(*((f"web/{n}", tarfile.REGTYPE, b"") for n in range(archive.FILES))), "holds more than 5000 files"),
        (b"garbage", "cannot be unpacked"),
        (CHART[:-20], "cannot be unpacked"),
        (gzip.compress(b"\0" * (archive.BYTES + 20_000)), "says in its Chart.yaml that it is nothing"),
        (crafted(("web/x", tarfile.REGTYPE, b"\0" * (archive.BYTES + 1))), "opens to more than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "archive",  # one holds the time of its making
)
@pytest.mark.row("REN-07", "REN-08")
def test_archives_that_are_refused(content: bytes, says: str) -> None:
    """REN-07 (paths, links, devices, names) and REN-08 (bombs: a thousand to one)."""
    with pytest.raises(errors.InvalidInput, match=says):
        archive.files(content, WANTED, path=PATH)
