"""What may become an argument of git: rows.toml GIT-01 to GIT-12 and GIT-28, refused before any process starts."""

import pathlib
from typing import Any

import pytest

from reconciler import errors
from reconciler.edges import git
from reconciler.edges.git import place

URL = "https://git.example.test/team/deploy.git"


def checked(**settings: Any) -> git.Place:
    wanted = {"url": URL, "ref": "refs/heads/main", "mirror": pathlib.Path("/var/lib/mirror")} | settings
    return git.Place.checked("deploy", **wanted)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        (URL, False),
        ("https://git.example.test:8443/deploy", False),
        ("https://127.0.0.1:8443/deploy.git", False),
        ("/srv/deploy.git", True),
        ("file:///srv/deploy.git", True),
    ],
)
def test_good_urls(url: str, local: bool) -> None:
    where = checked(url=url, allow_local=local)
    assert where.local is local
    assert where.url.startswith("file:///" if local else "https://")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ext::sh -c touch% /tmp/pwn",
        "ext::sh",
        "--upload-pack=touch /tmp/pwn;x",
        "--upload-pack=touch${IFS}/tmp/pwn;x",
        "http://git.example.test/deploy.git",
        "HTTPS://git.example.test/deploy.git",
        "git://git.example.test/deploy.git",
        "ssh://git@git.example.test/deploy.git",
        "git@git.example.test:deploy.git",
        "fd::17",
        "../deploy.git",
        "https://",
        "https:///deploy.git",
        "https://user@git.example.test/deploy.git",
        "https://user:hunter2@git.example.test/deploy.git",
        "https://git.example.test@evil.test/deploy.git",
        "https://git.example.test/%0ahost=evil.test",
        "https://git.example.test/deploy.git\nhost=evil.test",
        "https://git.example.test/deploy.git?x=1",
        "https://git.example.test/deploy.git#x",
        "https://git.example.test:99999/deploy.git",
        "https://-oProxyCommand=x y/deploy.git",
        "https://$(touch /tmp/pwn)/deploy.git",
    ],
)
@pytest.mark.row("GIT-01", "GIT-02", "GIT-28")
def test_refused_urls_and_no_password_in_the_complaint(url: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        checked(url=url, allow_local=True)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["/srv/deploy.git", "file:///srv/deploy.git"])
@pytest.mark.row("GIT-08")
def test_local_repositories_need_permission(url: str) -> None:
    with pytest.raises(errors.InvalidInput, match="not allowed here"):
        checked(url=url)


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "main",
        "HEAD",
        "-x",
        "refs/heads/",
        "refs/tags/v1",
        "refs/heads/../x",
        "refs/heads/a..b",
        "refs/heads/a b",
        "refs/heads/a\0b",
        "refs/heads/x.lock",
        "refs/heads/x.lock/y",
        "refs/heads/.x",
        "refs/heads//x",
        "refs/heads/x/",
        "refs/heads/*",
        "refs/heads/a:refs/heads/b",
        "refs/heads/@{-1}",
        "--upload-pack=touch /tmp/pwn;x",
        "../../../etc/passwd",
    ],
)
@pytest.mark.row("GIT-02", "GIT-10", "GIT-13")
def test_refused_refs(ref: str) -> None:
    with pytest.raises(errors.InvalidInput, match="full branch name"):
        checked(ref=ref)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        checked(url="ext::sh", ref="main", author=("", "x"), credentials=git.Credentials("a:b", pathlib.Path("/t")))
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize("path", ["a", "a/b.yaml", "ä/日本", "-x", "--output=x", ":(glob)*", "a b", "a*"])
def test_good_paths(path: str) -> None:
    assert place.checked_path(path) == path


@pytest.mark.parametrize(
    "path", ["", "/", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\nb", "a\0b", "a\udcff", "a" * 5000]
)
@pytest.mark.row("GIT-06")
def test_refused_paths(path: str) -> None:
    with pytest.raises(errors.InvalidInput):
        place.checked_path(path)


@pytest.mark.parametrize("revision", ["", "main", "HEAD", "abc123", "-" * 40, "--output=/tmp/x", "A" * 40, "a" * 41])
@pytest.mark.row("GIT-03")
def test_refused_revisions(revision: str) -> None:
    with pytest.raises(errors.InvalidInput):
        place.checked_revision(revision)


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb", b"\xff", b"x" * 20_000, None])
def test_a_useless_secret_is_refused_by_the_name_of_its_file(tmp_path: pathlib.Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(errors.Terminal, match=str(path)):
        git.Credentials("user", path).header()
