"""Unstable renders: what differs is named by path, and `now` is moved without touching other words."""

import pytest
import yaml

from reconciler.render import stable
from tests.render import examples

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\nstringData: {password: %s}\n"


def test_equal_sets_have_no_difference() -> None:
    one = examples.assembled(SECRET % ("a", "x"))
    assert stable.differences(one, one) == ()


def test_differences_are_named_by_path_and_show_no_value() -> None:
    one, other = (examples.assembled(SECRET % ("a", text)) for text in ("hunter2", "hunter3"))
    (found,) = stable.differences(one, other)
    assert found.startswith("web.yaml:1: Secret web/a differs between two renders of the same chart at data.password;")
    assert "hunter" not in found


def test_the_remedy_can_be_copied_into_application_yaml() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {example.com/sum: s%s}}\ndata: {k: v%s}\n"
    (found,) = stable.differences(*(examples.assembled(text % (number, number)) for number in (1, 2)))
    written = yaml.safe_load(found.partition("application.yaml: ")[2])
    paths = ["data.k", "metadata.annotations[example.com/sum]"]
    assert written == {"keepLive": [{"kind": "ConfigMap", "name": "a", "fields": paths}]}


def test_random_names_are_named() -> None:
    one, other = (examples.assembled(SECRET % (name, "x")) for name in ("a", "b"))
    assert [line.split(" is ")[0] for line in stable.differences(one, other)] == [
        "web.yaml:1: Secret web/a",
        "web.yaml:1: Secret web/b",
    ]


THEN = '(toDate "2006-01-02" "2001-02-03")'


@pytest.mark.parametrize(
    ("template", "becomes"),
    [
        ("{{ now }}", f"{{{{ {THEN} }}}}"),
        ('{{ now | date "2006" }}', f'{{{{ {THEN} | date "2006" }}}}'),
        ('{{ dateModify "1h" (now) }}', f'{{{{ dateModify "1h" ({THEN}) }}}}'),
        ('{{ fail "do it now" }} now', '{{ fail "do it now" }} now'),
        ("{{ `now` }}{{/* now */}}", "{{ `now` }}{{/* now */}}"),
        ("{{ .Values.now }}{{ $now }}{{ known }}{{ nowhere }}", "{{ .Values.now }}{{ $now }}{{ known }}{{ nowhere }}"),
    ],
)
def test_only_the_function_now_moves(template: str, becomes: str) -> None:
    (moved,) = stable.at_another_time([examples.file("charts/web/templates/a.yaml", template)])
    assert moved.content.decode() == becomes


def test_files_beside_the_templates_stay() -> None:
    files = (examples.file("charts/web/values.yaml", "a: '{{ now }}'"),)
    assert stable.at_another_time(files) == files
