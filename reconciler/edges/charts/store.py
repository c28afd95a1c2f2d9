"""Charts by digest: from the disk where they were fetched before, else from their repository."""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reconciler import errors
from reconciler.edges.charts import archive, index, registry, web
from reconciler.model import sources, targets

ARCHIVE_BYTES = 16 * 1024**2
"""Of one packed chart; large ones take 1 MiB."""
CACHE_BYTES = 512 * 1024**2
"""Of all that are kept; those not used for longest go."""
OCI = "oci://"


class ChartStore:
    """Fulfils `ports.Charts`."""

    def __init__(self, folder: Path, *, places: Sequence[web.Place] = ()) -> None:
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()
        self.places = tuple(places)

    async def chart(self, wanted: targets.ChartArchive, *, path: str) -> tuple[sources.File, ...]:
        """As `ports.Charts` says. A chart that is on the disk costs no request, also while its repository is away."""
        place = self._place(wanted)
        async with self._one_at_a_time:  # ten targets of one chart fetch it once
            content = await asyncio.to_thread(self._kept, wanted.digest) if wanted.digest else None
            if content is None:
                content = await self._fetched(wanted, place)
        return await asyncio.to_thread(archive.files, content, wanted, path=path)

    def _place(self, wanted: targets.ChartArchive) -> web.Place:
        """The listed repository whose URL is the longest beginning of the wanted one, by whole steps."""
        address = wanted.repository.replace(OCI, "https://", 1)
        fitting = [place for place in self.places if f"{address}/".startswith(f"{place.url}/")]
        if not fitting:
            raise errors.InvalidInput(
                (
                    f"source.chart.repository: {wanted.repository} is none of chartRepositories in the daemon's"
                    " deployment-config.yaml; list it there, or vendor the chart",
                )
            )
        return max(fitting, key=lambda place: len(place.url))

    async def _fetched(self, wanted: targets.ChartArchive, place: web.Place) -> bytes:
        fetch = registry.fetch if wanted.repository.startswith(OCI) else index.fetch
        content = await fetch(web.Host(place), wanted, limit=ARCHIVE_BYTES)
        digest = digest_of(content)
        if not wanted.digest:
            raise errors.InvalidInput(
                (f"source.chart.digest: is required; write digest: {digest}, which {wanted} has now",)
            )
        if digest != wanted.digest:
            raise errors.InvalidInput(
                (
                    f"source.chart.digest: {wanted} has {digest} and not {wanted.digest}: it was published anew, or the"
                    " digest is another version's; look at what changed before you write the new one",
                )
            )
        with contextlib.suppress(OSError):  # a full or foreign disk costs a download, and no release
            await asyncio.to_thread(self._keep, digest, content)
        return content

    def _kept(self, digest: str) -> bytes | None:
        """From the disk; None when it is not there, or not what its name says."""
        file = self._file(digest)
        try:
            content = file.read_bytes()
            os.utime(file)
        except OSError:
            return None
        return content if digest_of(content) == digest else None

    def _keep(self, digest: str, content: bytes) -> None:
        """Complete under its name, or not at all."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(content)
        os.replace(file.name, self._file(digest))
        kept = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in kept:
            total += path.stat().st_size
            if total > CACHE_BYTES:
                path.unlink(missing_ok=True)

    def _file(self, digest: str) -> Path:
        return self._folder / f"{digest.removeprefix('sha256:')}.tgz"


def digest_of(content: bytes) -> str:
    """`sha256:…`, as `sha256sum` prints it of the archive."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
