"""The scalars of the settings, each with its grammar: what is wrong with a value, and what to write instead.

Messages quote what has a grammar (durations, names, refs) and never what may hold a secret (URLs, chart values).
"""

import difflib
import enum
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import GetCoreSchemaHandler, PlainValidator

from reconciler.model import ids

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=enum.Enum)


@dataclass(frozen=True, slots=True)
class Shape:
    """A scalar's grammar. `parse` takes what YAML held and raises ValueError with `what is wrong; remedy`."""

    title: str
    """For the reference: `duration, 1s to 1d`."""
    parse: Callable[[object], object]
    show: Callable[[Any], str] = str
    """The opposite of `parse`: as a file would write the value."""
    schema: str = '{"type":"string"}'
    """JSON Schema, as JSON: as much of the grammar as an editor can check. It refuses nothing that `parse` takes."""

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> Any:  # noqa: ANN401,RUF100 - pydantic's own type is no part of its public package
        return handler.generate_schema(Annotated[Any, PlainValidator(self.parse)])


LONGEST_QUOTE = 60


def quoted(value: object) -> str:
    """A value as a person recognises it; cut, so that a file pasted into the wrong place stays readable."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the boolean {str(value).lower()}"
        case str():
            return repr(value if len(value) <= LONGEST_QUOTE else f"{value[:LONGEST_QUOTE]}…")
        case int() | float():
            return f"the number {value}"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean 'timeout'?`, or '' when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}?" if near else ""


# --- text


def text(value: object) -> str:
    """Raises ValueError for everything YAML did not read as text, with the remedy where quotes are the remedy."""
    if not isinstance(value, str):
        remedy = "put it in quotes" if isinstance(value, bool | int | float) else "write text"
        raise ValueError(f"is {quoted(value)} where text is wanted; {remedy}")
    if not value:
        raise ValueError("is empty text; write something, or remove the key")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in value):
        raise ValueError("holds a control character; write it in one line without them")
    return value


def grammar(pattern: str, *, title: str, remedy: str, secret: bool = False) -> Shape:
    """Text that matches all of `pattern`. A `secret` one is never quoted."""
    compiled = re.compile(pattern)

    def parse(value: object) -> str:
        word = text(value)
        if not compiled.fullmatch(word):
            raise ValueError(f"{'this' if secret else quoted(word)} is no {title}; {remedy}")
        return word

    return Shape(title, parse, schema=json.dumps({"type": "string", "pattern": f"^(?:{pattern})$"}))


def exactly(wanted: str) -> Shape:
    def parse(value: object) -> str:
        if value != wanted:
            raise ValueError(f"is {quoted(value)}; write {wanted}")
        return wanted

    return Shape(f"`{wanted}`", parse, schema=json.dumps({"const": wanted}))


def choice(kind: type[Choice], *, unsupported: Mapping[str, str] | None = None) -> Shape:
    """One word of an enum. `unsupported` holds words that are refused for now, and why."""
    words = [str(member.value) for member in kind]
    known = " or ".join(words)

    def parse(value: object) -> Choice:
        if isinstance(value, str) and value in words:
            return kind(value)
        if isinstance(value, str) and unsupported and value in unsupported:
            raise ValueError(f"{value} is not supported yet: {unsupported[value]}; write {known}")
        hint = suggestion(value, words) if isinstance(value, str) else ""
        raise ValueError(f"{quoted(value)} is not known; {hint or f'write {known}'}")

    titled = " or ".join(f"`{word}`" for word in words)
    return Shape(titled, parse, lambda member: str(member.value), json.dumps({"enum": words}))


# --- numbers


def whole(*, least: int, most: int) -> Shape:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"is {quoted(value)} where a whole number is wanted; write {least} to {most}")
        if not least <= value <= most:
            raise ValueError(f"{value} is out of range; write {least} to {most}")
        return value

    schema = json.dumps({"type": "integer", "minimum": least, "maximum": most})
    return Shape(f"whole number, {least} to {most}", parse, schema=schema)


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"is {quoted(value)} where a boolean is wanted; write true or false")
    return value


MINUTE, HOUR = 60.0, 3_600.0
UNITS = {"d": 24 * HOUR, "h": HOUR, "m": MINUTE, "s": 1.0, "ms": 0.001}
DURATION = re.compile(
    r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9})ms)?", re.ASCII
)


def seconds(value: object) -> float:
    """`1h30m`, `2.5s`, `500ms` or a number of seconds. Raises ValueError for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if found is None:
        raise ValueError(f"{quoted(value)} is no duration; write for example 30s, 10m or 1h30m")
    return sum(float(part) * unit for part, unit in zip(found.groups(), UNITS.values(), strict=True) if part)


def in_words(duration: float) -> str:
    """The shortest way to write a number of seconds: 5400.0 → `1h30m`."""
    rest, words = duration, ""
    for unit, size in UNITS.items():
        count = int(rest / size + 1e-6)
        if count:
            words, rest = f"{words}{count}{unit}", rest - count * size
    return words or "0s"


def duration(*, least: str = "0s", most: str = "1d") -> Shape:
    floor, ceiling = seconds(least), seconds(most)

    def parse(value: object) -> float:
        length = seconds(value)
        if not floor <= length <= ceiling:
            raise ValueError(f"{quoted(value)} is out of range; write {least} to {most}")
        return length

    return Shape(f"duration, {least} to {most}", parse, in_words, '{"type":["string","number"]}')


def percent(value: object) -> float:
    """`20%` → 20.0. A bare number is refused: is 0.2 a fifth, or a five-hundredth?"""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) ?%", value) if isinstance(value, str) else None
    if found is None or not float(found[1]) <= 100:
        raise ValueError(f"{quoted(value)} is no percentage; write 0% to 100%")
    return float(found[1])


MI, GI = 2**20, 2**30
SIZES = {"": 1, "Ki": 2**10, "Mi": MI, "Gi": GI}


def size_in_words(size: int) -> str:
    """The shortest way to write a number of bytes: 67108864 → `64Mi`."""
    unit = max((unit for unit, factor in SIZES.items() if size % factor == 0), key=SIZES.__getitem__)
    return f"{size // SIZES[unit]}{unit}"


def size(*, least: str, most: str) -> Shape:
    def number(value: object) -> int:
        found = re.fullmatch(r"([0-9]{1,15})(Ki|Mi|Gi|)", value) if isinstance(value, str) else None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if found is None:
            raise ValueError(f"{quoted(value)} is no size; write bytes, or for example 64Mi")
        return int(found[1]) * SIZES[found[2]]

    def parse(value: object) -> int:
        found = number(value)
        if not number(least) <= found <= number(most):
            raise ValueError(f"{quoted(value)} is out of range; write {least} to {most}")
        return found

    return Shape(f"size in bytes, {least} to {most}", parse, size_in_words, '{"type":["string","integer"]}')


# --- names and places


def git_ref(value: object) -> str:
    """A fully qualified branch: one and a tag of the same name must not be mixed up, and a tag that moves is no history
    (I5). The rules are those of `git check-ref-format`.
    """
    ref = text(value)
    if not ref.startswith("refs/heads/"):
        raise ValueError(f"{quoted(ref)} is no fully qualified branch; write refs/heads/{ref.split('/')[-1] or 'main'}")
    parts = ref.split("/")
    bad = any(not part or part.startswith(".") or part.endswith((".lock", ".")) for part in parts)
    if bad or ".." in ref or "@{" in ref or re.search(r"[\x00-\x20~^:?*\[\\\x7f]", ref):
        raise ValueError(f"{quoted(ref)} is not a name that Git allows for a ref; write for example refs/heads/main")
    return ref


def repository_path(value: object) -> str:
    """A path inside the repository, normalised; a leading `/` (the repository's root) is kept.

    Refused is whatever could lead outside, or be read as an option or as pathspec magic (I8).
    """
    path = text(value)
    if "\\" in path:
        raise ValueError(f"{quoted(path)} holds a backslash; write forward slashes")
    if ".." in path.split("/"):
        raise ValueError(
            f"{quoted(path)} leads outside with '..'; name the place from the repository's root, beginning with /"
        )
    root, inner = ("/", path[1:]) if path.startswith("/") else ("", path)
    clean = posixpath.normpath(inner)
    if clean == "." or clean.startswith(("-", ":", "/")):
        raise ValueError(f"{quoted(path)} names no file or folder of the repository; write for example /charts/web")
    return root + clean


def root_path(value: object) -> str:
    """A path from the repository's root in any case; a leading `/` says nothing more and goes."""
    return repository_path(value).removeprefix("/")


def disk_path(value: object) -> str:
    """An absolute path of the daemon's disk: relative to what would be anybody's guess in a container."""
    path = text(value)
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{quoted(path)} is no absolute path; write for example /etc/reconciler/kubeconfig")
    return posixpath.normpath(path)


def file_name(value: object) -> str:
    name = text(value)
    if "/" in name or name in {".", ".."}:
        raise ValueError(f"{quoted(name)} is no plain file name; write for example journal.db")
    return name


REMOTE = re.compile(r"https://(?P<user>[^/@]*@)?(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?/[^\s?#]+")


SSH_REMOTE = re.compile(
    r"ssh://[A-Za-z0-9_][A-Za-z0-9._-]*@(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
    r"/[\w~][\w./~+@=:,-]*"
)
"""The user is named: without one ssh takes the daemon's own. Nothing in it could be an option or a shell's business."""
SCP_LIKE = re.compile(r"[^/\s:]+@[^/\s:]+:(?!//)")


def is_local(url: str) -> bool:
    return url.startswith(("/", "file:///"))


def is_ssh(url: str) -> bool:
    return url.startswith("ssh://")


def remote(value: object) -> str:
    """Where a Git repository is: https, ssh, or a place on this machine. Never quoted: it may hold a password.

    Every other scheme is refused by name: `ext::` runs commands (CVE-2022-24439), http and git:// are forgeable.
    """
    url = text(value)
    if is_local(url):
        if ".." in url.split("/"):
            raise ValueError("leads through '..'; write the absolute path without it")
        return url
    if is_ssh(url):
        if not SSH_REMOTE.fullmatch(url) or ".." in url.split("/"):
            raise ValueError("is no URL of a repository; write ssh://git@host/path or ssh://git@host:port/path")
        return url
    if SCP_LIKE.match(url):
        raise ValueError(
            "is written as for scp; write ssh://git@host/path (its path begins at the server's root, this one in the"
            " user's home: they are not always the same)"
        )
    scheme = re.match(r"[A-Za-z0-9+.-]+(?=:)", url)
    if not url.startswith("https://"):
        name = f"the scheme {quoted(scheme[0])} is" if scheme else "this is"
        raise ValueError(
            f"{name} not allowed; write https://host/path, ssh://git@host/path, or an absolute path with"
            " allowLocal: true"
        )
    found = REMOTE.fullmatch(url)
    if found is None:
        raise ValueError("is no URL of a repository; write https://host/path")
    if found["user"]:
        raise ValueError("holds credentials; move them to a file and name it in credentials.passwordFile")
    return url


def address(value: object) -> str:
    """`host:port` to listen on."""
    where = text(value)
    host, _, port = where.rpartition(":")
    if (
        not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", host)
        or not re.fullmatch("[0-9]{1,5}", port)
        or int(port) > 65_535
    ):
        raise ValueError(f"{quoted(where)} is no address; write host:port, for example 127.0.0.1:9090")
    return where


def kind_key(value: object) -> ids.KindKey:
    """`ClusterRole.rbac.authorization.k8s.io`; the core group has no dot: `Namespace`."""
    name = text(value)
    kind, _, group = name.partition(".")
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", kind) or not re.fullmatch(r"[a-z0-9.-]*", group) or name.endswith("."):
        raise ValueError(
            f"{quoted(name)} is no kind; write Kind or Kind.group, for example ClusterRole.rbac.authorization.k8s.io"
        )
    return ids.KindKey(group, kind)


NAME = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

Text = Annotated[str, Shape("text", text)]
Flag = Annotated[bool, Shape("boolean", flag, lambda value: str(value).lower(), '{"type":"boolean"}')]
Percent = Annotated[float, Shape("percentage", percent, lambda value: f"{value:g}%")]
Name = Annotated[str, grammar(NAME, title="name", remedy="write a-z, 0-9 and - (63 at most), for example production")]
NamespacePattern = Annotated[
    str,
    grammar(
        rf"{NAME}|[a-z0-9][-a-z0-9]{{0,61}}\*|\*",
        title="namespace pattern",
        remedy="write a namespace, or the beginning of one with * at the end",
    ),
]
Account = Annotated[
    str,
    grammar(
        rf"{NAME}/[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?",
        title="service account",
        remedy="write namespace/name, for example web/deployer",
    ),
]
GitRef = Annotated[str, Shape("fully qualified branch", git_ref)]
RepositoryPath = Annotated[str, Shape("path in the repository", repository_path)]
PathPattern = Annotated[
    str,
    grammar(
        r"/?[^/\x00-\x1f]+(?:/[^/\x00-\x1f]+)*/?",
        title="pattern of paths",
        remedy="write a file's or folder's name or path, with * for any characters",
    ),
]
RootPath = Annotated[str, Shape("path from the repository's root", root_path)]
DiskPath = Annotated[str, Shape("absolute path on the daemon's disk", disk_path)]
FileName = Annotated[str, Shape("file name", file_name)]
Remote = Annotated[str, Shape("https or ssh URL, or absolute path", remote)]
Address = Annotated[str, Shape("host:port", address)]
Kind = Annotated[ids.KindKey, Shape("kind", kind_key)]
HttpUrl = Annotated[
    str,
    grammar(
        r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?(?:/[^\s]*)?",
        title="URL of a probe",
        remedy="write http://host/path or https://host/path, without credentials",
        secret=True,
    ),
]
