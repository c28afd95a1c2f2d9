"""One daemon, one Git server, and everything that goes wrong between them, one thing after the other.

The cluster is a sandbox: nothing here depends on it. Each test begins and ends with the daemon at rest; pushes of a
person go past the server's faults.
"""

from collections.abc import Callable, Iterator

import pytest

from reconciler.model import outcomes, records
from tests import conftest
from tests.clusterkit import sandbox
from tests.support import endings, endstate, gitserver, sandboxed, tls

pytestmark = pytest.mark.xdist_group("hostile-git")  # one set-up, and the order of the file

Held = outcomes.HoldReason
Step = records.GitStep


class Remote(sandboxed.SandboxSite):
    """A site whose daemon reads through an HTTPS server with faults."""

    server: gitserver.Server
    version = 0
    reverts: tuple[str, ...] = ()
    """The commits that the daemon has pushed so far."""

    def serve(self) -> None:
        ca_file, key_file = tls.write(self.folder)
        self.server = gitserver.Server(self.remote.parent, ca_file, key_file, port=0)
        self.server.up()
        self.git("config", "http.receivepack", "true", at=self.remote)
        self.git("config", "core.logAllRefUpdates", "always", at=self.remote)
        username, self.password = self.folder / "username", self.folder / "password"
        username.write_text(gitserver.USER)
        self.password.write_text(gitserver.PASSWORD)
        credentials = {"usernameFile": str(username), "passwordFile": str(self.password), "caFile": str(ca_file)}
        repository = self.settings["repositories"]["desired"]
        del repository["allowLocal"]
        repository |= {"url": f"{self.server.url}/desired.git", "credentials": credentials}
        self.configure()

    @property
    def deployment(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/web"

    def release(self, more: str = "") -> str:
        """The next version, on top of what is there."""
        self.version += 1
        if self.version > 1:
            self.pull()
        return endings.release(self, f"v{self.version}{more}")

    def close(self) -> None:
        super().close()
        self.server.down()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("hostile-git")
    with sandbox.running(folder) as model:
        made = Remote(folder, model, conftest.new_namespace(model, "hostile-git"))
        made.serve()
        try:
            good = made.release()
            made.start()
            made.wait_good(good)
            yield made
        finally:
            made.close()


def down(here: Remote) -> None:
    here.server.down()


def silent(here: Remote) -> None:
    here.server.silent = True


def failing(here: Remote) -> None:
    here.server.status = 503


def revoked(here: Remote) -> None:
    here.server.password = "another"


def spoilt(here: Remote) -> None:
    here.server.spoil_packs = lambda answer: answer[: len(answer) // 2]


def back(here: Remote) -> None:
    """What ends each of them; new credentials are on the disk."""
    here.server.down()  # lets go of those who wait
    here.server.silent, here.server.status, here.server.spoil_packs = False, 0, None
    here.password.write_text(here.server.password)
    here.server.up()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (down, "cannot be read"),
        (silent, "did not answer in time"),
        (failing, "503"),
        (revoked, "refuses the credentials: write valid ones into"),
        (spoilt, "still expected"),
    ],
)
@pytest.mark.row("GIT-16")
def test_a_server_that_cannot_be_read_holds_and_nothing_is_deleted(
    here: Remote, wrong: Callable[[Remote], None], says: str
) -> None:
    """What was there stays, and is still healed; what comes meanwhile is deployed afterwards."""
    image = here.image()
    wrong(here)
    revision = here.release()
    held = here.wait_hold(Held.SOURCE_UNAVAILABLE)
    assert says in held.because
    if wrong is down:  # once: who edits again and again waits longer each time
        here.cluster.patch(here.deployment, {"spec": {"replicas": 0}})
        here.wait(lambda: (here.cluster.get(here.deployment) or {})["spec"]["replicas"] == 2, what="the healing")
    assert here.image() == image
    back(here)
    here.wait_good(revision)
    here.wait_in_sync()


@pytest.mark.row("GIT-16")
def test_a_branch_that_is_deleted_holds_until_it_is_pushed_again(here: Remote) -> None:
    here.git("update-ref", "-d", "refs/heads/main", at=here.remote)
    held = here.wait_hold(Held.REF_MISSING)
    assert "push it again" in held.because
    here.git("push", "--quiet", "origin", "HEAD:main")
    here.wait_in_sync()
    assert here.image() == endings.image(f"v{here.version}")


def test_a_slow_server_is_waited_for(here: Remote) -> None:
    here.server.slow = 0.5
    here.wait_good(here.release())
    here.server.slow = 0


def test_a_revert_whose_answer_is_lost_is_pushed_once(here: Remote) -> None:
    good = here.image()
    here.server.lose_answers = True
    bad = here.release("-crash-loop")
    here.wait(lambda: here.head() != bad, what="the push that arrives")
    here.server.lose_answers = False
    endings.wait_back(here, Step.PUSHED, failed=bad, also=endings.at_rest)
    assert here.image() == good
    here.reverts = (here.head(),)
    assert endings.our_commits(here) == list(here.reverts)


def test_a_branch_that_takes_no_push_pins_the_cluster_and_pages(here: Remote) -> None:
    """Credentials that may only read from now on: what a protected branch says is in test_ending_git.py."""
    good = here.image()
    here.server.read_only = True
    bad = here.release("-crash-loop")
    endings.wait_back(here, Step.PINNED, failed=bad)
    here.wait_hold(Held.QUARANTINED)
    assert (here.image(), here.head()) == (good, bad)
    (page,) = endings.pages(here)
    assert "may read, but not push" in page
    here.server.read_only = False
    here.wait_good(here.release())


def test_after_all_of_it_nothing_was_deleted_forced_or_cloned_again(here: Remote) -> None:
    assert here.stop() == 0
    assert [line for line in here.counted_calls(after=0) if line["verb"] == "delete"] == []
    history = here.git("log", "--all", "--reflog", "--graph", "--oneline", at=here.remote)
    assert endings.our_commits(here) == list(here.reverts), history
    assert here.rows("SELECT operation FROM intents WHERE result IS NULL") == []
    assert not (here.state / "mirrors" / "desired.damaged").exists()
    assert endstate.broken_chain(here) == ""
