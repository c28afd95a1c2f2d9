"""Helm's text: origins, and separators as Helm has them."""

import pytest

from reconciler import errors
from reconciler.render import chart
from tests.render import examples


def part(path: str, body: str) -> str:
    return f"---\n# Source: {path}\n{body}\n"


def test_documents_come_from_the_template_that_wrote_them() -> None:
    text = part("web/templates/a.yaml", "kind: A\n---\nkind: B") + part("web/charts/sub/templates/s.yaml", "\nkind: S")
    found = chart.read(text, chart=examples.CHART)
    assert [(str(each.origin), each.value) for each in found.parsed] == [
        ("charts/web/templates/a.yaml", {"kind": "A"}),
        ("charts/web/templates/a.yaml", {"kind": "B"}),
        ("charts/web/charts/sub/templates/s.yaml", {"kind": "S"}),
    ]
    assert found.notes == ()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("kind: A\n---# Permission to approve\nkind: B", id="cert-manager, whose {{- ate the line break"),
        pytest.param("kind: A\n--- # a comment\nkind: B", id="a comment"),
        pytest.param("kind: A\n---kind: B", id="glued to the document"),
        pytest.param("kind: A\n---   kind: B", id="on the separator's line"),
    ],
)
def test_helm_splits_where_a_separator_is_glued_to_what_follows(text: str) -> None:
    found = chart.read(part("web/templates/a.yaml", text), chart=examples.CHART)
    assert [each.value for each in found.parsed] == [{"kind": "A"}, {"kind": "B"}]


def test_a_longer_row_of_hyphens_is_no_separator() -> None:
    found = chart.read(part("web/templates/a.yaml", "kind: A\ntext: |\n  -----BEGIN\n"), chart=examples.CHART)
    assert [each.value for each in found.parsed] == [{"kind": "A", "text": "-----BEGIN\n"}]


def test_an_empty_chart_is_an_empty_result() -> None:
    assert chart.read("", chart=examples.CHART) == chart.Rendered((), ())


@pytest.mark.parametrize(
    "body",
    ["- a", "text", "metadata: []", "metadata: {annotations: [x]}", "metadata: {annotations: {helm.sh/hook: 1}}"],
)
def test_odd_shapes_are_left_to_the_judge_of_shapes(body: str) -> None:
    assert len(chart.read(part("web/templates/a.yaml", body), chart=examples.CHART).parsed) == 1


def test_broken_yaml_names_the_template_and_quotes_no_value() -> None:
    text = part("web/templates/a.yaml", "password: {hunter2") + part("web/templates/b.yaml", "a: 1\na: 2")
    with pytest.raises(errors.InvalidInput) as refused:
        chart.read(text, chart=examples.CHART)
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "charts/web/templates/a.yaml (rendered)",
        "charts/web/templates/b.yaml (rendered)",
    ]
    assert "hunter2" not in str(refused.value)
