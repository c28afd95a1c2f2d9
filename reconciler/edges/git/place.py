"""Where a repository is, what is allowed there, and which words may become arguments of git (I8, I10)."""

import base64
import pathlib
import re
import urllib.parse
from dataclasses import dataclass, field

from reconciler import errors
from reconciler.edges.git import signers, ssh

REVISION = re.compile(r"[0-9a-f]{40}")
SECRET_BYTES = 16_384
PATH_BYTES = 4_096
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[/.]$")
"""What `git check-ref-format` refuses, for a name that already begins with refs/heads/."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and the file that holds its password or token. The file is read at each use: tokens rotate."""

    username: str
    secret_file: pathlib.Path

    def secret(self) -> str:
        """The file's only line. Terminal, naming the file and never its content, when it cannot serve."""
        try:
            with self.secret_file.open("rb") as opened:
                raw = opened.read(SECRET_BYTES + 1)
        except OSError as error:
            raise errors.of_the_machine(f"the credentials file {self.secret_file} cannot be read", error) from error
        try:
            text = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise errors.Terminal(f"the credentials file {self.secret_file} is not UTF-8 text") from error
        if not text or len(raw) > SECRET_BYTES or CONTROL.search(text):
            raise errors.Terminal(f"the credentials file {self.secret_file} must hold one line: the password or token")
        return text

    def header(self) -> str:
        """The HTTP header that presents them."""
        return f"Authorization: Basic {encoded(self.username, self.secret())}"


def encoded(username: str, secret: str) -> str:
    return base64.b64encode(f"{username}:{secret}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds after which git and everything it started is killed."""

    head: float = 4.0
    """`ls-remote`. A healthy one takes 0.03 to 0.6 s; without this a blackholed address costs 134 s,
    and the start has to say within 5 s that the repository cannot be reached."""
    fetch: float = 300.0
    push: float = 60.0
    local: float = 60.0
    """Anything that reads or writes the mirror only."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one question may bring in (I10); more is refused before it is read."""

    files: int = 5_000
    """Blobs below one path."""
    file_bytes: int = 4 << 20
    total_bytes: int = 32 << 20
    """All blobs of one question together."""
    pack_bytes: int = 1 << 30
    """One file that a fetch writes: what the server sends at once (Linux only)."""
    paths: int = 10_000
    """Paths of which one question asks the OIDs."""


@dataclass(frozen=True, slots=True)
class Place:
    """One repository, checked: build it with `Place.checked`. `url` is `https://…`, `ssh://…` or, when
    allowed, `file:///…`."""

    name: str
    url: str
    ref: str
    mirror: pathlib.Path
    credentials: Credentials | None
    ca_file: pathlib.Path | None
    author: tuple[str, str]
    keys: ssh.Keys | None = None
    """For ssh."""
    signatures: signers.Policy | None = None
    """Whose commits are deployed; None: everybody's who may push."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: Limits = field(default_factory=Limits)

    @property
    def local(self) -> bool:
        return self.url.startswith("file:")

    @property
    def protocol(self) -> str:
        """The one that git may speak."""
        return "file" if self.local else "ssh" if self.keys else "https"

    @property
    def ssh_program(self) -> pathlib.Path:
        """What git starts in place of ssh."""
        return self.mirror.with_name(f"{self.mirror.name}.ssh")

    @classmethod
    def checked(
        cls,
        name: str,
        *,
        url: str,
        ref: str,
        mirror: pathlib.Path,
        allow_local: bool = False,
        credentials: Credentials | None = None,
        ca_file: pathlib.Path | None = None,
        keys: ssh.Keys | None = None,
        signatures: signers.Policy | None = None,
        author: tuple[str, str] = ("reconciler", "reconciler@localhost"),
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
    ) -> "Place":
        """The one way to a `Place`. `mirror` is a folder of this repository alone; `author` is name and e-mail of
        revert commits. Raises `errors.InvalidInput` with everything that is wrong."""
        problems = [f"repository {name}: {problem}" for problem in _url_problems(url, allow_local=allow_local)]
        if url.startswith("ssh://") != bool(keys):
            problems.append(f"repository {name}: a private key and known hosts belong to an ssh:// URL, and it to them")
        problems += [f"repository {name}: {complaint}" for complaint in (keys.complaints() if keys else ())]
        if not ref.startswith("refs/heads/") or len(ref) > 255 or NO_REF.search(ref) or ref == "refs/heads/":
            problems.append(f"repository {name}: ref {ref!r} is no full branch name: write refs/heads/main")
        if any(not word.strip() or re.search(r"[<>\x00-\x1f]", word) for word in author):
            problems.append(f"repository {name}: the author needs a name and an e-mail address without < and >")
        if credentials and (CONTROL.search(credentials.username) or ":" in credentials.username):
            problems.append(f"repository {name}: the user name may hold no colon and no control character")
        if problems:
            raise errors.InvalidInput(tuple(problems))
        return cls(
            name=name,
            url=f"file://{url}" if url.startswith("/") else url,
            ref=ref,
            mirror=mirror.absolute(),
            credentials=credentials,
            ca_file=ca_file,
            keys=keys,
            signatures=signatures,
            author=author,
            timeouts=timeouts or Timeouts(),
            limits=limits or Limits(),
        )


def _url_problems(url: str, *, allow_local: bool) -> list[str]:
    """Complaints never repeat the URL: a refused one may hold a password."""
    if CONTROL.search(url) or re.search(r"%(0|1|7f)|\s", url, re.IGNORECASE) or len(url) > 2_000:
        return ["the URL holds blanks or control characters"]
    if url.startswith(("/", "file:///")):
        path = url.removeprefix("file://")
        if not allow_local:
            return ["the URL is a local path, and local repositories are not allowed here: allow them, or use https"]
        return [] if ".." not in path.split("/") else ["the URL must be a path without `..`"]
    try:
        parts = urllib.parse.urlsplit(url)
        port_is_bad = parts.port == 0
    except ValueError:
        return ["the URL cannot be parsed: write https://host/path.git"]
    if parts.scheme == "ssh" and url.startswith("ssh://"):
        return _ssh_problems(parts)
    if not url.startswith("https://"):
        return ["the scheme of the URL is not allowed: write https://host/path.git or ssh://git@host/path.git"]
    if parts.username is not None or parts.password is not None:
        return ["the URL holds a user name or password: put them into the credentials"]
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", parts.netloc) or not parts.hostname or port_is_bad:
        return ["the URL names no valid host: write https://host/path.git"]
    return ["the URL may hold no query and no fragment"] if parts.query or parts.fragment or "?" in url else []


def _ssh_problems(parts: urllib.parse.SplitResult) -> list[str]:
    """Neither user nor host nor path can be taken for an option, here or on the server."""
    user, host = parts.username or "", parts.hostname or ""
    plain = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", user) and re.fullmatch(r"[A-Za-z0-9:][A-Za-z0-9.:-]*", host)
    path = re.fullmatch(r"/[\w~][\w./~+@=:,-]*", parts.path) and ".." not in parts.path.split("/")
    if not plain or not path or parts.password is not None or parts.query or parts.fragment or parts.port == 0:
        return ["the URL is none for ssh: write ssh://git@host/path.git or ssh://git@host:port/path.git"]
    return []


def checked_revision(revision: str) -> str:
    """A full commit SHA; anything else is never shown to git. Raises `errors.InvalidInput`."""
    if not REVISION.fullmatch(revision):
        raise errors.InvalidInput((f"{revision[:80]!r} is no full commit id: write all 40 hexadecimal digits",))
    return revision


def checked_path(path: str) -> str:
    """A path inside the repository, from its root. Raises `errors.InvalidInput`."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        size = PATH_BYTES + 1
    if size > PATH_BYTES or CONTROL.search(path) or any(step in ("", ".", "..") for step in path.split("/")):
        shown = path[:200].encode("utf-8", "backslashreplace").decode()
        rule = "write it from the root, without `..` and control characters"
        raise errors.InvalidInput((f"{shown!r} is no path inside the repository: {rule}",))
    return path
