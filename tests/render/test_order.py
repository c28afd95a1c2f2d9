"""The order that annotations ask for: what is understood, and what is refused with file and line."""

import pytest

from reconciler import errors
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
