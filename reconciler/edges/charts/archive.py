"""A packed chart: unpacked in memory, within limits, and never to disk (rows.toml REN-07, REN-08)."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator

from reconciler import errors, yamltext
from reconciler.model import document, sources, targets

FILES = 5_000
BYTES = 64 * 1024**2
"""Of all files together; kube-prometheus-stack, with its dashboards and definitions, has 12 MiB."""


class _Bounded(io.RawIOBase):
    """What gzip opens, cut off: an archive of a few kilobytes can open to gigabytes, also between its files."""

    def __init__(self, opened: gzip.GzipFile, *, most: int) -> None:
        self._opened = opened
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type] # as `RawIOBase` has it
        data = self._opened.read(len(view))
        self._left -= len(data)
        if self._left < 0:
            raise _Refusal(f"opens to more than {BYTES} bytes")
        view[: len(data)] = data
        return len(data)


class _Refusal(Exception):  # noqa: N818 - becomes a sentence about the archive
    pass


def files(content: bytes, wanted: targets.ChartArchive, *, path: str) -> tuple[sources.File, ...]:
    """The chart's files below `path`, sorted; its name and version are those that are wanted.

    Raises `errors.InvalidInput` for anything but files and folders of one chart.
    """
    try:
        found = _unpacked(content)
    except _Refusal as refusal:
        raise _refused(wanted, str(refusal)) from None
    except (tarfile.TarError, EOFError, OSError, zlib.error, UnicodeError, ValueError) as error:
        raise _refused(wanted, f"cannot be unpacked ({type(error).__name__})") from error
    _check_name(found.get("Chart.yaml", b""), wanted)
    return tuple(sources.File(f"{path}/{inner}", document.digest(data), data) for inner, data in sorted(found.items()))


def _unpacked(content: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for inner, data in _members(content):
        if inner in found:
            raise _Refusal(f"holds {inner!r} twice")
        found[inner] = data
    return found


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Path within the chart, and content, of every file. The archive holds one folder, named by the chart."""
    stream = io.BufferedReader(_Bounded(gzip.GzipFile(fileobj=io.BytesIO(content)), most=BYTES))
    count = 0
    with tarfile.open(fileobj=stream, mode="r|", errors="strict") as packed:
        for member in packed:
            count += 1
            if count > FILES:
                raise _Refusal(f"holds more than {FILES} files")
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise _Refusal(f"holds {member.name!r}, which is no file: links and devices are refused")
            parts = member.name.removeprefix("./").split("/")
            if "\\" in member.name or "\0" in member.name or len(parts) < 2 or {"", ".", ".."} & set(parts):
                raise _Refusal(f"holds {member.name!r}, which does not lie within the chart's folder")
            file = packed.extractfile(member)
            yield "/".join(parts[1:]), file.read() if file else b""


def _check_name(text: bytes, wanted: targets.ChartArchive) -> None:
    loaded = yamltext.load_all(text, f"{wanted}: Chart.yaml")
    value = loaded[0].value if loaded else None
    about = value if isinstance(value, dict) else {}
    found = document.text(about, "name"), document.text(about, "version")
    if found != (wanted.name, wanted.version):
        raise _refused(wanted, f"says in its Chart.yaml that it is {' '.join(found).strip() or 'nothing'}")


def _refused(wanted: targets.ChartArchive, why: str) -> errors.InvalidInput:
    return errors.InvalidInput((f"the archive of {wanted} {why}; take another version, or vendor the chart",))
