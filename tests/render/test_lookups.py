"""Which lookups a chart does (REN-05): told, since they find nothing."""

import pytest

from reconciler.render import lookups
from tests.render import examples

SECRET = '{{- $old := (lookup "v1" "Secret" .Release.Namespace "x") }}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1", []),
        (f"a: 1\n{SECRET}", ["charts/web/templates/cm.yaml:2 may look up Secret (v1) in the cluster"]),
        (
            '{{ lookup\n  "apps/v1" "Deployment" "" "" }}',
            ["charts/web/templates/cm.yaml:1 may look up Deployment (apps/v1)"],
        ),
        ("{{ lookup .api .kind .ns .name }}", ["charts/web/templates/cm.yaml:1 may look up an object in the cluster"]),
        ('{{/* lookup "v1" "Secret" */}}', []),
        ("# lookup of names", []),
        ("{{ .Values.lookup }}", []),
    ],
)
@pytest.mark.row("REN-05")
def test_notes(text: str, told: list[str]) -> None:
    found = lookups.notes(examples.chart_files(cm=text), source=examples.CHART)
    assert len(found) == len(told)
    for note, start in zip(found, told, strict=True):
        assert note.startswith(start)
        assert note.endswith("as with helm template")


def test_many_are_counted_and_other_charts_are_not_looked_at() -> None:
    files = (*examples.chart_files(cm=SECRET * 8), examples.file("charts/other/templates/a.yaml", SECRET))
    found = lookups.notes(files, source=examples.CHART)
    assert (len(found), found[-1]) == (6, "3 more lookups find nothing here")
