"""The grammars of scalars: what is taken, and as what."""

import pytest

from reconciler.model import ids
from reconciler.settings import rendered, values


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("1h30m", 5400),
        ("1d", 86400),
        ("500ms", 0.5),
        ("2.5s", 2.5),
        (45, 45),
        (0.25, 0.25),
        ("0s", 0),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert values.seconds(written) == pytest.approx(seconds)


@pytest.mark.parametrize("written", ["", "10", "m", "1m1h", "-5s", "5 s", "1e3s", True, None, [], "٣s"])
def test_no_durations(written: object) -> None:
    with pytest.raises(ValueError, match="is no duration; write for example 30s"):
        values.seconds(written)


@pytest.mark.parametrize("written", ["0s", "1s", "500ms", "1m", "1h30m", "2h", "1d1h", "1m1s500ms"])
def test_durations_are_told_as_they_are_written(written: str) -> None:
    assert values.in_words(values.seconds(written)) == written


def test_a_duration_has_bounds_and_no_infinity() -> None:
    parse = values.duration(least="1s", most="1d").parse
    for written in (float("inf"), float("nan"), "999999999d", 0.5):
        with pytest.raises(ValueError, match="is out of range; write 1s to 1d"):
            parse(written)


@pytest.mark.parametrize(("written", "percent"), [("20%", 20), ("0%", 0), ("100%", 100), ("12.5 %", 12.5)])
def test_percentages(written: str, percent: float) -> None:
    assert values.percent(written) == percent


@pytest.mark.parametrize("written", [20, 0.2, "20", "101%", "-1%", "1e1%", "%", True])
def test_no_percentages(written: object) -> None:
    with pytest.raises(ValueError, match="is no percentage; write 0% to 100%"):
        values.percent(written)


@pytest.mark.parametrize(("written", "size"), [("64Mi", 2**26), ("1Gi", 2**30), (4096, 4096), ("4096", 4096)])
def test_sizes(written: object, size: int) -> None:
    assert values.size(least="1Ki", most="4Gi").parse(written) == size
    assert values.size_in_words(size) in {"64Mi", "1Gi", "4Ki"}


@pytest.mark.parametrize(
    ("written", "path"),
    [("charts/web", "charts/web"), ("./charts//web/", "charts/web"), ("/charts/web", "/charts/web"), ("a..b", "a..b")],
)
def test_repository_paths(written: str, path: str) -> None:
    assert values.repository_path(written) == path
    assert values.root_path(written) == path.removeprefix("/")


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/a/b.git",
        "https://git.example.com:8443/a",
        "https://[::1]/a",
        "ssh://git@git.example.com/team/a.git",
        "ssh://git@git.example.com:2222/~team/a",
        "ssh://deploy_1@[::1]:2222/a",
        "/srv/a.git",
        "file:///srv/a.git",
    ],
)
def test_remotes(url: str) -> None:
    assert values.remote(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c x", "http://h/a", "git://h/a", "git@h:a", "-oProxyCommand=x", "https://", "https://h",
        "ssh://h/a", "ssh://-oProxyCommand=x@h/a", "ssh://git@-oProxyCommand=x/a", "ssh://git@h", "ssh://git@h/", "ssh://git@h/-a",
        "ssh://git:secret@h/a", "ssh://git@h/$(touch pwned)", "ssh://git@h/a;b", "ssh://git@h/../a", "ssh+git://h/a",
        "https://user:secret@h/a", "https://secret@h/a", "file://h/a", "srv/a.git", "/srv/../etc", "https://h/a b",
        "https://h/a?token=secret", "https://h/a\nx", "HTTPS://h/a", None, 1,
    ],
)  # fmt: skip
@pytest.mark.row("GIT-01", "GIT-28")
def test_no_remotes_and_none_is_quoted(url: object) -> None:
    with pytest.raises(ValueError, match=";") as caught:
        values.remote(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/team/web"])
def test_refs(ref: str) -> None:
    assert values.git_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["main", "HEAD", "refs/heads/", "refs/heads//a", "refs/heads/a.lock", "refs/heads/.a", "refs/heads/a b",
     "refs/heads/*", "refs/heads/a@{1}", "refs/notes/a", "refs/tags/v1.2", "refs/heads/a:b"],
)  # fmt: skip
@pytest.mark.row("GIT-10", "GIT-13")
def test_no_refs(ref: str) -> None:
    with pytest.raises(ValueError, match="; write"):
        values.git_ref(ref)


def test_kinds() -> None:
    assert values.kind_key("Namespace") == ids.KindKey("", "Namespace")
    assert values.kind_key("ClusterRole.rbac.authorization.k8s.io") == ids.KindKey(
        "rbac.authorization.k8s.io", "ClusterRole"
    )
    for name in ("namespace", "Namespace.", "A/B", "*"):
        with pytest.raises(ValueError, match="is no kind"):
            values.kind_key(name)


@pytest.mark.parametrize("where", ["127.0.0.1:9090", "0.0.0.0:0", "localhost:80", "[::1]:9090"])
def test_addresses(where: str) -> None:
    assert values.address(where) == where


@pytest.mark.parametrize("where", ["9090", ":9090", "host", "host:99999", "::1:9090", "host:http"])
def test_no_addresses(where: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        values.address(where)


def test_chart_values_are_canonical() -> None:
    assert rendered.canonical({"b": [1, None], "a": "ä"}) == '{"a":"ä","b":[1,null]}'.encode()
    with pytest.raises(ValueError, match="JSON cannot say") as caught:
        rendered.canonical({"secret": float("nan")})
    assert "secret" not in str(caught.value)


def test_a_long_value_is_cut() -> None:
    assert len(values.quoted("x" * 10_000)) < 80
