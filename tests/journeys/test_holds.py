"""What is wrong with one application holds that one, names the file, deletes nothing, and ends with a commit (I6).

One daemon and one application per case. All are broken by one commit and mended by the next.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from reconciler.model import outcomes, records
from tests.support import audit, site

pytestmark = pytest.mark.xdist_group("holds")

Reason = outcomes.HoldReason
HEADER = "apiVersion: reconciler.dev/v1\nkind: Application\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"


@dataclass(frozen=True, slots=True)
class Case:
    """`breaks` changes the work tree below the application's folder; `says` is a pattern that the reason matches."""

    name: str
    reason: Reason
    says: str
    breaks: Callable[[site.Site, str], None]


def removed(path: str) -> Callable[[site.Site, str], None]:
    return lambda a_site, folder: a_site.remove(f"{folder}/{path}" if path else folder)


def written(path: str, text: str) -> Callable[[site.Site, str], None]:
    return lambda a_site, folder: a_site.write(
        f"{folder}/{path}", text.replace("NAMESPACE", a_site.namespace).replace("NAME", folder.rpartition("/")[2])
    )


def linked(a_site: site.Site, folder: str) -> None:
    """A submodule, as it is before `git submodule update`."""
    path = f"{folder}/manifests/more.yaml"
    (a_site.work / path).mkdir()
    a_site.git("update-index", "--add", "--cacheinfo", f"160000,{a_site.head()},{path}")


def pointing(a_site: site.Site, folder: str) -> None:
    """A symbolic link to what the daemon can read and nobody should see."""
    (a_site.work / folder / "manifests/more.yaml").symlink_to(a_site.config / "deployment-config.yaml")


def emptied(a_site: site.Site, folder: str) -> None:
    a_site.remove(f"{folder}/manifests/all.yaml")
    a_site.write(f"{folder}/manifests/README.md", "nothing here")


CANARY = "hunter2-Canary"
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
)

BROKEN = (
    Case("emptied", Reason.EMPTY, "there is no object in .*/manifests", emptied),
    Case(
        "only-comments",
        Reason.EMPTY,
        "there is no object in .*/manifests",
        written("manifests/all.yaml", "# to be done\n---\n# and this\n"),
    ),
    Case("folder-gone", Reason.PATH_MISSING, r"desired-state/production/folder-gone is not in .* nothing", removed("")),
    Case("manifests-gone", Reason.EMPTY, "there is no object in .*/manifests-gone/manifests", removed("manifests")),
    Case(
        "settings-gone",
        Reason.PATH_MISSING,
        "settings-gone/application.yaml is not in",
        removed("application.yaml"),
    ),
    Case(
        "reads-what-is-gone",
        Reason.PATH_MISSING,
        "charts/nowhere",
        written(
            "application.yaml", HEADER + "namespace: NAMESPACE\nsource: {manifests: {}}\nreads: [charts/nowhere]\n"
        ),
    ),
    Case(
        "settings-unknown",
        Reason.SETTINGS_INVALID,
        r"settings-unknown/application.yaml:4: .*sauce",
        written("application.yaml", HEADER + "source: {manifests: {}}\nsauce: hot\n"),
    ),
    Case(
        "settings-no-yaml",
        Reason.SETTINGS_INVALID,
        r"settings-no-yaml/application.yaml:4",
        written("application.yaml", HEADER + "source: [\n"),
    ),
    Case(
        "no-yaml",
        Reason.RENDER_FAILED,
        r"no-yaml/manifests/all.yaml:4",
        written("manifests/all.yaml", CONFIG + "data: {a: [}\n"),
    ),
    Case(
        "duplicate-key",
        Reason.RENDER_FAILED,
        r"duplicate-key/manifests/all.yaml:5.*data",
        written("manifests/all.yaml", CONFIG + "data: {a: '1'}\ndata: {b: '2'}\n"),
    ),
    Case(
        "duplicate-object",
        Reason.RENDER_FAILED,
        r"manifests/more.yaml:1: ConfigMap .* is already in .*manifests/all.yaml:1",
        written("manifests/more.yaml", CONFIG),
    ),
    Case(
        "unknown-field",
        Reason.REFUSED,
        r"unknown-field \(.*unknown-field/manifests/all.yaml:1\): .*field not declared",
        written("manifests/all.yaml", CONFIG + "dada: {a: '1'}\n"),
    ),
    Case(
        "refused-value",
        Reason.REFUSED,
        r"refused-value/manifests/all.yaml:1\): .*spec.ports",
        written(
            "manifests/all.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\nspec: {ports: [{port: 99999}]}\n",
        ),
    ),
    Case(
        "elsewhere",
        Reason.OUTSIDE_LIMITS,
        "ConfigMap kube-system/elsewhere: namespace kube-system is not allowed here",
        written("manifests/all.yaml", CONFIG.replace("NAME}", "NAME, namespace: kube-system}") + "data: {a: '1'}\n"),
    ),
    Case(
        "cluster-scoped",
        Reason.OUTSIDE_LIMITS,
        "ClusterRole.rbac.authorization.k8s.io",
        written(
            "manifests/more.yaml",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: NAME}\nrules: []\n",
        ),
    ),
    Case(
        "link",
        Reason.RENDER_FAILED,
        r"link/manifests/more.yaml is a symbolic link to '/.+', an absolute path: link by a relative path to what",
        pointing,
    ),
    Case(
        "too-deep",
        Reason.RENDER_FAILED,
        r"too-deep/manifests/more.yaml:1: .*nested deeper",
        written("manifests/more.yaml", "[" * 25_000),
    ),
    Case(
        "aliases",
        Reason.RENDER_FAILED,
        r"aliases/manifests/more.yaml:\d+: .*aliases stand for too much",
        written("manifests/more.yaml", LAUGHS),
    ),
    Case(
        "too-large",
        Reason.RENDER_FAILED,
        r"too-large/manifests/all.yaml:1: .*takes 1\d+ bytes",
        written("manifests/all.yaml", CONFIG + f"data: {{a: {'x' * 800_000}, b: {'x' * 800_000}}}\n"),
    ),
    Case(
        "secret",
        Reason.RENDER_FAILED,
        r"secret/manifests/more.yaml:5",
        written(
            "manifests/more.yaml",
            f"apiVersion: v1\nkind: Secret\nmetadata: {{name: NAME}}\nstringData:\n  password: {CANARY}: x\n",
        ),
    ),
    Case(
        "submodule",
        Reason.RENDER_FAILED,
        "submodule/manifests/more.yaml is a submodule: submodules are disabled, commit the files themselves",
        linked,
    ),
    Case(
        "large-file",
        Reason.RENDER_FAILED,
        "large-file/manifests/more.yaml is a Git LFS pointer: LFS is not supported, commit the file itself",
        written("manifests/more.yaml", f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"),
    ),
    Case(
        "of-somebody",
        Reason.UNMANAGED,
        "ConfigMap .*/of-nobody: it exists already and was made by the field managers ",
        written("manifests/more.yaml", CONFIG.replace("NAME", "of-nobody") + "data: {a: ours}\n"),
    ),
    Case(
        "of-another",
        Reason.OTHER_OWNER,
        "ConfigMap .*/healthy belongs to production/healthy, and production/of-another wants it as well",
        written("manifests/more.yaml", CONFIG.replace("NAME", "healthy") + "data: {a: ours}\n"),
    ),
)


@dataclass(frozen=True, slots=True)
class Broken:
    """The site, and the place in the audit log from which on it was broken."""

    site: site.Site
    begin: int


@pytest.fixture(scope="module")
def broken(sites: Callable[[str], site.Site]) -> Broken:
    """Every application installed by one commit and broken by the next, which also upgrades a healthy one."""
    made = sites("holds")
    somebody = site.config_map("of-nobody", a="theirs")
    somebody["metadata"]["namespace"] = made.namespace
    made.cluster.create(somebody)
    for name in (*(case.name for case in BROKEN), "healthy"):
        made.application(name, [site.config_map(name, a="1")])
    good = made.commit("everything")
    made.start()
    for name in (*(case.name for case in BROKEN), "healthy"):
        made.wait_good(good, name)
    begin = made.cluster.audit_mark()
    for case in BROKEN:
        case.breaks(made, f"desired-state/{site.ENVIRONMENT}/{case.name}")
    made.application("healthy", [site.config_map("healthy", a="2")])
    made.wait_good(made.commit("everything breaks but one"), "healthy")
    return Broken(made, begin)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
@pytest.mark.row("GIT-05", "GIT-07", "GIT-18", "GIT-27", "YML-02", "YML-03", "YML-10", "YML-12", "YML-16", "YML-17")
def test_it_holds_and_says_where(broken: Broken, case: Case) -> None:
    hold = broken.site.wait_hold(case.reason, case.name)
    assert re.search(case.says, hold.because, re.DOTALL), hold.because
    assert broken.site.ledger(case.name).outcome is outcomes.Outcome.HELD
    assert len(broken.site.events(records.EventKind.HELD, case.name)) == 1
    found = broken.site.live("configmaps", case.name, group="v1")
    assert found and found["data"] == {"a": "1"}, "what runs stays"


@pytest.mark.row("GIT-18")
def test_nothing_was_written_for_them_and_a_commit_ends_it(broken: Broken) -> None:
    """Runs after the cases: mends them all. What was secret in a broken line was said nowhere (I13)."""
    assert CANARY not in broken.site.log()
    assert not [row for row in broken.site.rows("SELECT because FROM events") if CANARY in row[0]]
    assert CANARY not in broken.site.command("status").stdout
    calls = broken.site.calls(audit.Call.COUNTED, after=broken.begin)
    assert [call["objectRef"]["name"] for call in calls] == ["healthy"]

    broken.site.git("checkout", "HEAD~1", "--", f"desired-state/{site.ENVIRONMENT}")
    broken.site.remove("desired-state/production/*/manifests/more.yaml")
    broken.site.commit("everything is mended")
    for case in BROKEN:
        assert broken.site.wait_in_sync(case.name).hold is None
    names = {call["objectRef"]["name"] for call in broken.site.calls(audit.Call.COUNTED, after=broken.begin)}
    assert names == {"healthy"}
    found = broken.site.live("configmaps", "of-nobody", group="v1")
    assert found and found["data"] == {"a": "theirs"}


@pytest.mark.row("GIT-18")
def test_a_whole_environment_that_went_away_deletes_nothing(a_site: site.Site) -> None:
    a_site.application("web", [site.config_map("web", a="1")])
    a_site.application("other", [site.config_map("other", a="1")])
    good = a_site.commit("two applications")
    a_site.start()
    a_site.wait_good(good)
    a_site.wait_good(good, "other")
    begin = a_site.cluster.audit_mark()

    a_site.write(
        "desired-state/production/environment.yaml", "apiVersion: reconciler.dev/v1\nkind: Environment\nx: 1\n"
    )
    a_site.commit("an environment that cannot be read")
    for name in ("web", "other"):
        assert "environment.yaml:3" in a_site.wait_hold(Reason.SETTINGS_INVALID, name).because

    a_site.remove("desired-state")
    a_site.write("README.md", "nothing left")
    a_site.commit("no environment at all")
    for name in ("web", "other"):
        a_site.wait_hold(Reason.PATH_MISSING, name)

    a_site.git("checkout", good, "--", "desired-state")
    a_site.commit("all of it is back")
    for name in ("web", "other"):
        assert a_site.wait_in_sync(name).hold is None
    assert a_site.counted_calls(after=begin) == []
