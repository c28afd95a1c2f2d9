"""What is away is told within seconds, changes nothing, and needs nobody when it is back."""

import pathlib
from collections.abc import Iterator

import pytest

from reconciler.model import outcomes, records
from tests import conftest
from tests.clusterkit import access, controlplane
from tests.support import endings, site, tls

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("outages")]  # they share a control plane that they take away

SILENT = 150.0
"""Seconds within which a server that has gone silent is noticed: a watch that hears nothing for 75 s is dead (I21)."""
OVER = 120.0
"""Seconds for what comes after an outage: a rest of some seconds, then the rollout."""

Held = outcomes.HoldReason


@pytest.fixture(scope="module")
def plane() -> Iterator[controlplane.ControlPlane]:
    with controlplane.running() as running:
        yield running


@pytest.fixture
def here(
    plane: controlplane.ControlPlane, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> Iterator[site.Site]:
    """A site on the control plane that may be taken away, with version v1 committed."""
    made = site.Site(tmp_path, plane, conftest.new_namespace(plane, request.node.name))
    # After an outage the node's lease must run out before pods go on: no failure of theirs.
    made.settings["environments"][site.ENVIRONMENT]["verify"]["progressDeadline"] = "5m"
    made.configure()
    made.revision = endings.release(made, "v1")
    yield made
    made.close()


def told(where: site.Site, *words: str) -> bool:
    """Whether the journal has an event about no target, or a hold of one, with all these words."""
    found = [str(row[0]) for row in where.rows("SELECT because FROM events WHERE kind = 'held'")]
    return any(all(word in because for word in words) for because in found)


def logged(where: site.Site, *words: str) -> bool:
    """Whether the daemon's log has all these words; its line follows the journal's event."""
    return all(word in where.log() for word in words)


def bring_back(plane: controlplane.ControlPlane) -> None:
    plane.start_api_server()
    plane.restart_controllers()


def away(where: site.Site) -> pathlib.Path:
    """The remote repository cannot be found any more; rename what is returned to bring it back."""
    return where.remote.rename(where.remote.with_name("away"))


def test_without_an_api_server_the_daemon_says_so_at_once_and_goes_on_by_itself(
    here: site.Site, plane: controlplane.ControlPlane
) -> None:
    plane.stop_api_server()
    here.start()
    try:
        here.wait(lambda: told(here, plane.server, "cannot be reached", "reconciler doctor"), what="a word")
        here.wait(lambda: logged(here, "cannot be reached", "reconciler doctor"), what="a line in the log")
        held = endings.wait_hold(here, Held.CLUSTER_UNAVAILABLE)
        assert plane.server in held.because
        assert "cannot be reached" in " ".join(here.command("status").stdout.split())
    finally:
        bring_back(plane)
    here.wait_good(here.revision)
    assert here.stop() == 0


def test_without_a_repository_the_daemon_says_so_at_once_and_goes_on_by_itself(here: site.Site) -> None:
    gone = away(here)
    here.start()
    here.wait(lambda: told(here, "repository desired", "was not found", "doctor"), what="a word")
    here.wait(lambda: logged(here, "was not found"), what="a line in the log")
    gone.rename(here.remote)
    here.wait_good(here.revision)


def test_without_either_both_are_named_and_both_come_back(here: site.Site, plane: controlplane.ControlPlane) -> None:
    gone = away(here)
    plane.stop_api_server()
    here.start()
    try:
        here.wait(lambda: told(here, "repository desired") and told(here, "cluster test"), what="words")
    finally:
        bring_back(plane)
    gone.rename(here.remote)
    here.wait_good(here.revision)


def test_an_api_server_that_answers_nothing_is_told_too(here: site.Site, plane: controlplane.ControlPlane) -> None:
    plane.freeze_api_server()
    here.start()
    try:
        here.wait(lambda: told(here, "cluster test", "did not answer"), what="a word")
    finally:
        plane.thaw_api_server()
    here.wait_good(here.revision)


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_an_api_server_that_goes_in_the_middle_of_a_rollout_reverts_nothing(
    here: site.Site, plane: controlplane.ControlPlane, how: str
) -> None:
    here.start()
    here.wait_good(here.revision)
    released = endings.release(here, "v2")
    here.wait_ledger(lambda ledger: ledger.rollout and ledger.rollout.revision == released, what="v2 under way")
    if how == "stopped":
        plane.stop_api_server()
    else:
        plane.freeze_api_server()
    try:
        here.wait(lambda: told(here, "cluster test"), what="the outage being told", timeout=SILENT)
    finally:
        if how == "stopped":
            plane.start_api_server()  # and the controllers come back by themselves: a fresh kwok forgets starting pods
        else:
            plane.thaw_api_server()
    here.wait_ledger(
        lambda ledger: ledger.last_good and ledger.last_good.revision == released and not ledger.rollout,
        what="v2 being good",
        timeout=OVER,
    )
    assert endings.events(here, records.EventKind.ROLLOUT_FAILED) == []
    assert here.rows("SELECT * FROM intents WHERE result IS NULL") == []
    assert endings.our_commits(here) == []


@pytest.mark.row("GIT-16")
def test_a_repository_that_goes_changes_nothing_and_drift_is_still_healed(here: site.Site) -> None:
    here.start()
    here.wait_good(here.revision)
    mark = here.cluster.audit_mark()
    gone = away(here)
    endings.wait_hold(here, Held.SOURCE_UNAVAILABLE)
    assert here.counted_calls(after=mark) == []
    for restarts in (False, True):
        assert not restarts or here.stop() == 0
        edit = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": endings.image("v9")}]}}}}
        here.cluster.patch(f"/apis/apps/v1/namespaces/{here.namespace}/deployments/web", edit)
        if restarts:
            here.start()
        here.wait(lambda: here.image() == endings.WELL, what="the drift being healed without Git")
        here.wait_ledger(
            lambda ledger: not ledger.rollout and ledger.hold and ledger.hold.reason is Held.SOURCE_UNAVAILABLE,
            what="being held again",
        )
    mark = here.cluster.audit_mark()
    gone.rename(here.remote)
    here.wait_ledger(endings.at_rest, what="being at rest again")
    assert here.counted_calls(after=mark) == []
    assert here.image() == endings.WELL


def test_a_repository_that_goes_during_a_revert_keeps_nothing_in_the_cluster_waiting(here: site.Site) -> None:
    here.start()
    here.wait_good(here.revision)
    bad = endings.release(here, "v2-crash-loop")
    here.wait_ledger(lambda ledger: ledger.rollout and ledger.rollout.revision == bad, what="v2 under way")
    gone = away(here)
    here.wait_ledger(
        lambda ledger: (
            ledger.quarantined and not ledger.rollout and ledger.hold and ledger.hold.reason is Held.SOURCE_UNAVAILABLE
        ),
        what="the cluster being back without Git",
    )
    assert here.image() == endings.WELL
    gone.rename(here.remote)
    endings.wait_back(here, records.GitStep.PUSHED, failed=bad, also=endings.at_rest)
    assert len(endings.our_commits(here)) == 1


def wrong_token(text: str, plane: access.Client, folder: pathlib.Path) -> str:
    return text.replace(plane.token, "wrong")


def foreign_authority(text: str, plane: access.Client, folder: pathlib.Path) -> str:
    """A certificate authority that has not signed the server's certificate."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    return text.replace(str(plane.ca_file), str(tls.write(elsewhere)[0]))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (wrong_token, ("401", "check the token")),
        (foreign_authority, ("cannot be trusted", "certificate-authority")),
    ],
)
def test_credentials_that_are_refused_are_told_and_read_again(
    here: site.Site, plane: controlplane.ControlPlane, spoil: object, words: tuple[str, ...]
) -> None:
    right = plane.kubeconfig.read_text()
    mine = here.folder / "kubeconfig"
    mine.touch(mode=0o600)
    assert callable(spoil)
    mine.write_text(spoil(right, plane, here.folder))
    here.settings["clusters"]["test"]["kubeconfig"] = str(mine)
    here.configure()
    here.start()
    here.wait(lambda: told(here, *words), what=f"{words} in the journal")
    mine.write_text(right)
    here.wait_good(here.revision)


def test_a_missing_right_is_named(here: site.Site, plane: controlplane.ControlPlane) -> None:
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
    weak = plane.user_with_rules("weak", rules, namespace=here.namespace)
    here.settings["clusters"]["test"]["kubeconfig"] = str(weak)
    here.configure()
    here.start()
    held = endings.wait_hold(here, Held.RIGHTS_MISSING)
    for word in ("forbidden", "weak", "deployments", here.namespace):
        assert word in held.because


def missing(where: site.Site) -> None:
    where.settings["clusters"]["test"]["kubeconfig"] = str(where.folder / "nowhere")


def garbage(where: site.Site) -> None:
    file = where.folder / "kubeconfig"
    file.write_text("{{{")
    where.settings["clusters"]["test"]["kubeconfig"] = str(file)


def blocked_state(where: site.Site) -> None:
    file = where.folder / "file"
    file.write_text("")
    where.settings["stateDir"] = str(file / "state")


def unwritable_state(where: site.Site) -> None:
    """Where not even root can make a folder."""
    where.settings["stateDir"] = "/proc/reconciler"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing, ("nowhere", "No such file")),
        (garbage, ("kubeconfig", "cannot be used")),
        (blocked_state, ("journal", "Make its folder writable")),
        (unwritable_state, ("journal", "Make its folder writable")),
    ],
)
def test_what_only_a_person_can_mend_ends_the_start_with_a_sentence(
    here: site.Site, spoil: object, words: tuple[str, ...]
) -> None:
    assert callable(spoil)
    spoil(here)
    here.configure()
    done = here.command("run", "--config", str(here.config))
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr
