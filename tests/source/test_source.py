"""The source stage: tables."""

import dataclasses
from collections.abc import Mapping

import pytest

from reconciler import errors
from reconciler.model import ids, outcomes, records, sources, targets
from reconciler.source import admission, desired, inputs, shared
from reconciler.source import targets as listing

WEB, API = ids.TargetKey("production", "web"), ids.TargetKey("production", "api")
FOLDER = "desired-state/production/web"
ENVIRONMENT = "desired-state/production/environment.yaml"
OLD, NEW = "a" * 40, "b" * 40
Source = targets.ManifestFolder | targets.Chart | targets.Kustomization


def target(source: Source, *reads: str) -> targets.Target:
    return targets.Target(
        key=WEB,
        repository="deploy",
        folder=FOLDER,
        cluster="production",
        namespace="web",
        source=source,
        reads=reads,
        confinement=targets.Confinement(("web",), ()),
        verification=targets.Verification(600, 300, 3, ()),
        prune=targets.PruneLimit(5, 20),
        drift=targets.DriftMode.HEAL,
        git=targets.GitPolicy.PUSH,
        first_failure=targets.FirstFailure.LEAVE,
        max_lag=3600,
    )


def chart(path: str, *values_files: str) -> targets.Chart:
    return targets.Chart(path, "web", values_files, b"{}")


def reached(oids: Mapping[str, str], linked: tuple[tuple[str, str], ...] = ()) -> dict[str, sources.Reached]:
    """`linked`: from each of them."""
    return {path: sources.Reached(oid, linked) for path, oid in oids.items()}


def read(*paths: tuple[str, str], revision: str = NEW) -> sources.Inputs:
    return sources.Inputs(revision, tuple(sources.InputPath(path, oid, path == FOLDER) for path, oid in paths))


@pytest.mark.parametrize(
    ("source", "reads", "outside"),
    [
        (targets.ManifestFolder(FOLDER), (), set()),
        (targets.ManifestFolder(f"{FOLDER}/manifests"), (f"{FOLDER}/more",), set()),
        (targets.ManifestFolder("base/web"), (), {"base/web"}),
        (chart("charts/web", f"{FOLDER}/values.yaml"), (), {"charts/web"}),
        (chart("charts/web", "charts/web-evil/values.yaml", "shared/values.yaml"), ("shared/values.yaml", "base"),
         {"charts/web", "charts/web-evil/values.yaml", "shared/values.yaml", "base"}),
        (targets.Kustomization(FOLDER), (), set()),
        (targets.Kustomization("overlays/production"), ("base",), {"overlays/production", "base"}),
        (chart(f"{FOLDER}/chart"), ("desired-state/production/web-two",), {"desired-state/production/web-two"}),
    ],
)  # fmt: skip
def test_paths_of(source: Source, reads: tuple[str, ...], outside: set[str]) -> None:
    expected = {(FOLDER, True), (ENVIRONMENT, False), *((path, False) for path in outside)}
    assert inputs.paths_of(target(source, *reads)) == tuple(sorted(expected))


def test_inputs_are_equal_exactly_when_every_path_is() -> None:
    web = target(chart("charts/web"))
    oids = {FOLDER: "1", ENVIRONMENT: "2", "charts/web": "3", "README.md": "4"}
    one = inputs.inputs(OLD, web, reached=reached(oids))
    assert [(path.path, path.own) for path in one.paths] == list(inputs.paths_of(web))
    assert inputs.inputs(NEW, web, reached=reached(oids | {"README.md": "5"})).digest == one.digest
    assert inputs.inputs(NEW, web, reached=reached(oids | {"charts/web": "5"})).digest != one.digest


def test_what_links_lead_to_is_read_and_is_not_its_own() -> None:
    """Once, and only outside of what is read anyway; what is missing there may come."""
    web, oids = target(chart("charts/web")), {FOLDER: "1", ENVIRONMENT: "2", "charts/web": "3"}
    there = (("base/a.yaml", "7"), ("base/gone", ""), ("charts/web/b.yaml", "8"), (f"{FOLDER}/c.yaml", "9"))
    one = inputs.inputs(OLD, web, reached=reached(oids, there))
    more = {(path.path, path.oid, path.own) for path in one.paths} - {
        (path, oids[path], path == FOLDER) for path in oids
    }
    assert more == {("base/a.yaml", "7", False), ("base/gone", "", False)}
    assert [path.path for path in one.paths] == sorted(path.path for path in one.paths)
    moved = (("base/a.yaml", "8"), *there[1:])
    assert inputs.inputs(NEW, web, reached=reached(oids, moved)).digest != one.digest
    assert inputs.inputs(NEW, web, reached=reached(oids, there)).digest == one.digest


def test_links_that_are_not_followed_to_their_end_are_refused_and_never_left_out() -> None:
    found = reached({FOLDER: "1", ENVIRONMENT: "2", "charts/web": "3"}, (("base/a.yaml", "7"),))
    found["charts/web"] = dataclasses.replace(found["charts/web"], problem="charts/web holds more than 9 files")
    with pytest.raises(errors.InvalidInput, match="charts/web holds more than 9 files"):
        inputs.inputs(NEW, target(chart("charts/web")), reached=found)
    assert inputs.inputs(NEW, target(targets.ManifestFolder(FOLDER)), reached=found).paths


def test_absent_paths_are_all_named_and_never_empty_inputs() -> None:
    oids = {FOLDER: "1", ENVIRONMENT: "", "charts/web": ""}
    with pytest.raises(errors.PathMissing) as caught:
        inputs.inputs(NEW, target(chart("charts/web")), reached=reached(oids))
    assert "charts/web" in str(caught.value)
    assert ENVIRONMENT in str(caught.value)
    assert NEW in str(caught.value)


@pytest.mark.row("GIT-18")
def test_a_folder_that_has_gone_holds_its_target() -> None:
    known = [WEB, ids.TargetKey("staging", "old")]
    found = listing.listed("production", ["api", "Bad Name", "x\\xff", "-x"], known=known, revision=NEW)
    assert found.present == (API,)
    ((key, hold),) = found.missing
    assert key == WEB
    assert hold.reason is outcomes.HoldReason.PATH_MISSING
    assert FOLDER in hold.because
    assert NEW in hold.because
    assert len(found.unnamed) == 3


@pytest.mark.row("GIT-16", "GIT-18")
def test_an_unreadable_or_emptied_environment_deletes_nothing() -> None:
    found = listing.listed("production", [], known=[WEB, API], revision=NEW)
    assert found.present == ()
    assert [key for key, _ in found.missing] == [API, WEB]


@pytest.mark.parametrize(
    ("deployed", "descends", "accepted", "comes"),
    [
        ("", False, "", True),
        (OLD, True, "", True),
        (OLD, False, NEW, True),
        (OLD, False, "", False),
        (OLD, False, OLD, False),
        (OLD, False, "c" * 40, False),
    ],
)
@pytest.mark.row("GIT-14")
def test_only_forward_or_accepted(deployed: str, descends: bool, accepted: str, comes: bool) -> None:
    hold = admission.may_come(NEW, deployed=deployed, descends=descends, accepted=accepted)
    assert (hold is None) is comes
    if hold:
        assert hold.reason is outcomes.HoldReason.HISTORY_REWRITTEN
        assert OLD[:12] in hold.because
        assert hold.command("production", "web").startswith(
            f"reconciler accept-history production/web --revision {NEW} "
        )


HEAD = read((FOLDER, "1"))
GOOD = records.Good(OLD, "good-digest", "manifests", "2026-01-01T00:00:00Z")


def ledger(*quarantined: str, good: records.Good | None = GOOD) -> records.Ledger:
    rows = tuple(records.Quarantine(digest, OLD, "crash loop", "2026-01-01T00:00:00Z") for digest in quarantined)
    return records.Ledger(WEB, last_good=good, quarantined=rows)


@pytest.mark.parametrize(
    ("state", "revision", "held"),
    [
        (ledger(), NEW, False),
        (ledger(good=None), NEW, False),
        (ledger("other"), NEW, False),
        (ledger(HEAD.digest), OLD, True),
        (ledger(HEAD.digest, good=None), "", True),
        (ledger(HEAD.digest, "good-digest"), "", True),
    ],
)
def test_desired(state: records.Ledger, revision: str, held: bool) -> None:
    chosen = desired.choose(HEAD, state)
    assert chosen.revision == revision
    assert bool(chosen.input_digest) is bool(revision)
    assert chosen.because
    assert (chosen.hold is not None) is held
    if chosen.hold:
        assert chosen.hold.reason is outcomes.HoldReason.QUARANTINED
        assert (chosen.hold.revision, chosen.hold.digest) == (NEW, HEAD.digest)


def test_quarantined_bytes_stay_held_whatever_commit_brings_them_back() -> None:
    again = dataclasses.replace(HEAD, revision="c" * 40)
    assert desired.choose(again, ledger(HEAD.digest)).revision == OLD


@pytest.mark.parametrize(
    ("readers", "expected"),
    [
        ({}, ()),
        ({"charts/web": [WEB]}, ()),
        ({"charts/web": [API, WEB]}, (shared.Shared("charts/web", (API,)),)),
        ({"charts": [API]}, (shared.Shared("charts/web", (API,)),)),
        ({"charts/web/values.yaml": [API]}, (shared.Shared("charts/web", (API,)),)),
        ({"charts/web-two": [API]}, ()),
        ({ENVIRONMENT: [API]}, ()),  # read by others, and unchanged
    ],
)
def test_shared_paths(readers: dict[str, list[ids.TargetKey]], expected: tuple[shared.Shared, ...]) -> None:
    before = read((FOLDER, "1"), (ENVIRONMENT, "1"), ("charts/web", "1"), revision=OLD)
    now = read((FOLDER, "2"), (ENVIRONMENT, "1"), ("charts/web", "2"))
    assert shared.shared_paths(now, readers, before=before, target=WEB) == expected


def test_without_earlier_inputs_every_path_is_new() -> None:
    found = shared.shared_paths(read((ENVIRONMENT, "1")), {ENVIRONMENT: [API]}, before=None, target=WEB)
    assert found == (shared.Shared(ENVIRONMENT, (API,)),)
