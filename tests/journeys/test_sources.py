"""Desired state from several repositories."""

import asyncio

from reconciler.model import ids, outcomes, records
from tests.support import site

OTHER = "tools"
Reason = outcomes.HoldReason


class Second:
    """Another team's repository, which deploys the environment `tools`."""

    def __init__(self, a_site: site.Site) -> None:
        self.site = a_site
        self.remote = a_site.folder / "git" / "second.git"
        self.work = a_site.folder / "second-work"
        a_site.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        a_site.git("clone", "--quiet", str(self.remote), str(self.work))
        a_site.git("checkout", "--quiet", "-B", "main", at=self.work)
        first = a_site.settings["repositories"]["desired"]
        a_site.settings["repositories"]["second"] = first | {"url": str(self.remote)}
        environment = a_site.settings["environments"][site.ENVIRONMENT]
        a_site.settings["environments"][OTHER] = environment | {"repository": "second"}
        a_site.configure()

    def commit(self, name: str, *, value: str) -> str:
        folder = self.work / "desired-state" / OTHER
        (folder / name / "manifests").mkdir(parents=True, exist_ok=True)
        header = "apiVersion: reconciler.dev/v1\n"
        (folder / "environment.yaml").write_text(f"{header}kind: Environment\n")
        settings = f"{header}kind: Application\nnamespace: {self.site.namespace}\nsource: {{manifests: {{}}}}\n"
        (folder / name / "application.yaml").write_text(settings)
        manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: {value}}}\n"
        (folder / name / "manifests/all.yaml").write_text(manifest)
        self.site.git("add", "--all", at=self.work)
        self.site.git("commit", "--quiet", "-m", value, at=self.work)
        self.site.git("push", "--quiet", "origin", "HEAD:main", at=self.work)
        return self.site.git("rev-parse", "HEAD", at=self.work)

    def ledger(self, name: str) -> records.Ledger:
        return asyncio.run(self.site._ledger(ids.TargetKey(OTHER, name)))

    def wait_good(self, revision: str, name: str) -> None:
        def good() -> bool:
            found = self.ledger(name).last_good
            return found is not None and found.revision == revision

        self.site.wait(good, what=f"{OTHER}/{name} being good")


def test_several_repositories_and_several_targets(a_site: site.Site) -> None:
    """One that is away holds its own targets and no others; it is taken up again where it was."""
    second = Second(a_site)
    for name in ("web", "api"):
        a_site.application(name, [site.config_map(name, value="one")])
    first = a_site.commit("two targets in one commit")
    tools = second.commit("tools", value="one")
    a_site.start()
    for name in ("web", "api"):
        a_site.wait_good(first, name)
    second.wait_good(tools, "tools")

    away = second.remote.with_name("away.git")
    second.remote.rename(away)
    a_site.wait(
        lambda: (hold := second.ledger("tools").hold) and hold.reason is Reason.SOURCE_UNAVAILABLE,
        what="tools/tools holding",
    )
    hold = second.ledger("tools").hold
    assert hold
    assert "repository second" in hold.because
    for name in ("web", "api"):
        a_site.application(name, [site.config_map(name, value="two")])
    both = a_site.commit("both targets, while the other repository is away")
    for name in ("web", "api"):
        a_site.wait_good(both, name)
        assert a_site.ledger(name).hold is None

    away.rename(second.remote)
    a_site.wait(lambda: second.ledger("tools").hold is None, what="tools/tools going on")
    second.wait_good(second.commit("tools", value="two"), "tools")
