"""The order that annotations ask for: what is understood, and what is refused with file and line."""

import pytest

from reconciler import errors
from reconciler.model import hooks
from reconciler.render import order
from tests.render import examples

HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: "


@pytest.mark.parametrize(
    ("annotations", "wave"),
    [
        ("{}", 0),
        ("{reconciler.dev/wave: '3'}", 3),
        ("{reconciler.dev/wave: '-12'}", -12),
        ("{reconciler.dev/wave: ' +1 '}", 1),
        ("{argocd.argoproj.io/sync-wave: '5'}", 5),
        ("{argocd.argoproj.io/sync-wave: '5', reconciler.dev/wave: '5'}", 5),
    ],
)
def test_the_wave_of_an_object(annotations: str, wave: int) -> None:
    (found,) = examples.assembled(HEAD + annotations).manifests
    assert found.wave == wave


@pytest.mark.parametrize(
    ("annotations", "complaint"),
    [
        ("{reconciler.dev/wave: first}", "reconciler.dev/wave is no whole number in quotes"),
        ("{reconciler.dev/wave: '1.5'}", "reconciler.dev/wave is no whole number in quotes"),
        ("{reconciler.dev/wave: ''}", "reconciler.dev/wave is no whole number in quotes"),
        ("{reconciler.dev/wave: '9999999'}", "reconciler.dev/wave is no whole number in quotes"),
        ("{argocd.argoproj.io/sync-wave: one}", "argocd.argoproj.io/sync-wave is no whole number in quotes"),
        ("{reconciler.dev/wave: '1', argocd.argoproj.io/sync-wave: '2'}", "keep one of them"),
    ],
)
def test_a_wave_that_is_none_is_refused_with_file_and_line(annotations: str, complaint: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        examples.assembled(HEAD + annotations)
    (problem,) = refused.value.problems
    assert complaint in problem
    assert problem.startswith("web.yaml:1: ")


def test_waves_of_argo_cd_are_told_once() -> None:
    document = HEAD + "{argocd.argoproj.io/sync-wave: '1'}"
    found = examples.assembled(document + "\n---\n" + document.replace("name: a", "name: b"))
    assert found.notes == (order.WAVES_NOTE,)


M, R = hooks.Moment, hooks.Removal
PRE, POST = {M.PRE_INSTALL, M.PRE_UPGRADE}, {M.POST_INSTALL, M.POST_UPGRADE}


@pytest.mark.parametrize(
    ("annotations", "moments", "wave", "removals"),
    [
        ("reconciler.dev/hook: pre-sync", PRE, 0, set()),
        ("reconciler.dev/hook: 'pre-sync, post-sync'", PRE | POST, 0, set()),
        ("reconciler.dev/hook: sync-fail, reconciler.dev/hook-delete: hook-succeeded", {M.FAILED}, 0, {R.SUCCEEDED}),
        ("reconciler.dev/hook: pre-revert, reconciler.dev/wave: '3'", {M.PRE_REVERT}, 3, set()),
        ("argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: '-1'", PRE, -1, set()),
        (
            "argocd.argoproj.io/hook: 'Sync,PostSync',"
            " argocd.argoproj.io/hook-delete-policy: 'HookFailed,BeforeHookCreation'",
            {M.SYNC} | POST,
            0,
            {R.FAILED, R.BEFORE},
        ),
        ("argocd.argoproj.io/hook: SyncFail", {M.FAILED}, 0, set()),
        (
            "helm.sh/hook: 'pre-install,pre-upgrade', helm.sh/hook-weight: '-5',"
            " helm.sh/hook-delete-policy: hook-succeeded",
            PRE,
            -5,
            {R.SUCCEEDED},
        ),
        (
            "helm.sh/hook: 'post-install,pre-rollback,post-rollback'",
            {M.POST_INSTALL, M.PRE_REVERT, M.POST_REVERT},
            0,
            set(),
        ),
        ("helm.sh/hook: 'post-upgrade,test'", {M.POST_UPGRADE}, 0, set()),
        ("helm.sh/hook: pre-install, argocd.argoproj.io/hook: PostSync", POST, 0, set()),
        ("reconciler.dev/hook: sync, argocd.argoproj.io/hook: PostSync", {M.SYNC}, 0, set()),
    ],
)
def test_hooks_in_three_languages(
    annotations: str, moments: set[hooks.Moment], wave: int, removals: set[hooks.Removal]
) -> None:
    (found,) = examples.assembled(HEAD + "{" + annotations + "}").manifests
    assert found.hook == hooks.Hook(frozenset(moments), frozenset(removals))
    assert found.wave == wave


@pytest.mark.parametrize("annotations", ["{helm.sh/hook: ''}", "{helm.sh/hook-weight: '1'}", "{}"])
def test_what_names_no_hook_is_none(annotations: str) -> None:
    (found,) = examples.assembled(HEAD + annotations).manifests
    assert (found.hook, found.wave) == (None, 0)


@pytest.mark.parametrize(
    ("annotations", "complaint"),
    [
        ("reconciler.dev/hook: presync", "reconciler.dev/hook: 'presync' is no hook; write one of pre-sync, sync,"),
        ("argocd.argoproj.io/hook: Presync", "argocd.argoproj.io/hook: 'Presync' is no hook; write one of PreSync,"),
        ("helm.sh/hook: pre-instal", "helm.sh/hook: 'pre-instal' is no hook; write one of pre-install,"),
        ("helm.sh/hook: 'test,anything'", "helm.sh/hook: 'anything' is no hook"),
        ("helm.sh/hook: pre-install, helm.sh/hook-weight: heavy", "helm.sh/hook-weight is no whole number in quotes"),
        ("helm.sh/hook: pre-install, helm.sh/hook-delete-policy: never", "'never' is no policy; write some of before-"),
    ],
)
def test_a_hook_that_nobody_knows_is_refused_by_name(annotations: str, complaint: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        examples.assembled(HEAD + "{" + annotations + "}")
    (problem,) = refused.value.problems
    assert problem.startswith("web.yaml:1: metadata.annotations.") and complaint in problem


@pytest.mark.parametrize(
    ("annotations", "note"),
    [
        ("helm.sh/hook: test", "test hook ConfigMap a of web.yaml:1 left out: tests run when somebody asks"),
        ("helm.sh/hook: ' test-failure ,test-success'", "test-failure hook ConfigMap a of web.yaml:1 left out: tests"),
        ("helm.sh/hook: crd-install", "crd-install hook ConfigMap a of web.yaml:1 left out: Helm 3 runs none either"),
        (
            "helm.sh/hook: 'pre-delete,post-delete'",
            "post-delete hook ConfigMap a of web.yaml:1 left out: it is for the",
        ),
        ("argocd.argoproj.io/hook: Skip", "Skip hook ConfigMap a of web.yaml:1 left out: it says so"),
        ("argocd.argoproj.io/hook: PostDelete", "PostDelete hook ConfigMap a of web.yaml:1 left out: it is for the"),
    ],
)
def test_hooks_that_no_sync_runs_are_left_out_with_a_note(annotations: str, note: str) -> None:
    found = examples.assembled(HEAD + "{" + annotations + "}")
    assert found.manifests == ()
    assert found.notes[0].startswith(note)


@pytest.mark.parametrize(
    ("annotations", "ttl", "becomes"),
    [
        ("{helm.sh/hook: pre-install}", 0, hooks.TTL_SEEN),
        ("{argocd.argoproj.io/hook: PostSync}", 29, hooks.TTL_SEEN),
        ("{helm.sh/hook: pre-install}", 60, 60),
        ("{}", 0, 0),  # no hook: whose it is may write another
    ],
)
def test_a_job_of_a_hook_stays_until_its_end_is_seen(annotations: str, ttl: int, becomes: int) -> None:
    head = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: a, annotations: {annotations}}}\n"
    found = examples.assembled(head + f"spec: {{ttlSecondsAfterFinished: {ttl}}}")
    assert found.manifests[0].document()["spec"] == {"ttlSecondsAfterFinished": becomes}
    told = [f"hook Job a is kept for 30 s after its end, not {ttl}: the end has to be seen"]
    assert list(found.notes) == (told if ttl != becomes else [])


def test_a_hook_without_a_name_of_its_own_is_named_by_its_content() -> None:
    """As Argo CD's examples have it; one name for one content, so that two renders are the same (I12)."""
    document = HEAD.replace("name: a", "generateName: migrate-") + "{argocd.argoproj.io/hook: PreSync}\ndata: {v: '1'}"
    first, again, other = (
        examples.assembled(text).manifests[0].key.name
        for text in (document, document, document.replace("v: '1'", "v: '2'"))
    )
    assert first == again != other
    assert first.startswith("migrate-") and len(first) == len("migrate-") + order.SUFFIX
