"""`${NAME}`: strict, typed by who declares it, one scalar at a time."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler import errors, yamltext
from reconciler.model import targets
from reconciler.render import folder, variables
from tests.render import examples

KNOWN = (
    ("EMPTY", ""),
    ("EVIL", "x\nkind: Secret\n# "),
    ("HOST", "shop.example.com"),
    ("N", 3),
    ("OLD", "1.10"),
    ("ON", True),
    ("WORD", "yes"),
)
TARGET = replace(
    examples.target(targets.ManifestFolder("desired-state/production/web/manifests", substitute=True)), variables=KNOWN
)


def read(text: str, target: targets.Target = TARGET) -> Any:
    return [each.value for each in folder.read([examples.file("m/a.yaml", text)], fill=variables.fill(target))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${N}", 3),
        ("'${N}'", "3"),
        ('"${N}"', "3"),
        ("!!str ${N}", "3"),
        ("${ON}", True),
        ("a${N}", "a3"),
        ("${N}${N}", "33"),
        ("${ON}!", "true!"),
        ("${OLD}", "1.10"),
        ("${WORD}", "yes"),
        ("${EMPTY}", ""),
        ("https://${HOST}:${N}/", "https://shop.example.com:3/"),
        ("${NEW:-5}", 5),
        ("${NEW:=5}", 5),
        ("'${NEW:-5}'", "5"),
        ("${NEW:=}", None),
        ("${EMPTY:-5}", 5),
        ("${N:-5}", 3),
        ("x${NEW:-a-b}", "xa-b"),
        ("$${N}", "${N}"),
        ("'$${N} ${N}'", "${N} 3"),
        ("$N $$ $(N)", "$N $$ $(N)"),
        ("|\n  a\n  ${N}\n", "a\n3\n"),
        ("${EVIL}", "x\nkind: Secret\n# "),
        ("\n- ${N}\n- b: ${HOST}\n", [3, {"b": "shop.example.com"}]),
        ("{b: '${N}'}", {"b": "3"}),
    ],
)
def test_a_value(text: str, value: object) -> None:
    assert read(f"a: {text}\n") == [{"a": value}]


def test_a_key_is_text_and_anchors_carry_the_value() -> None:
    assert read("${N}: &x ${N}\nb: *x\n") == [{"3": 3, "b": 3}]


def test_comments_are_not_read() -> None:
    assert read("# ${NOPE}\na: 1 # ${NOPE}\n") == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: ${HOSTS}\n", "m/a.yaml:2: the variable HOSTS is not declared; did you mean HOST?"),
        (
            "a: ${QQQ}\n",
            "m/a.yaml:1: the variable QQQ is not declared; add it to `variables` in"
            " desired-state/production/web/application.yaml or desired-state/production/environment.yaml, or write $${",
        ),
        ("a: |\n  one\n  ${QQQ}\n", "m/a.yaml:3: the variable QQQ"),
        ("a: ${1}\n", "m/a.yaml:1: ${ without a variable's name and }; write $${ where the text is to stay"),
        ("a: ${A[0]}\n", "${ without a variable's name"),
        ("a: '${'\n", "${ without a variable's name"),
        ("a: '${N'\n", "${ without a variable's name"),
        ("a: '${NEW:-${N}}'\n", "${ without a variable's name"),
        ("a: ${NEW:-.inf}\n", "m/a.yaml:1: infinity and not-a-number"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        read(text)
    assert says in str(refused.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        read("a: ${AAA}\nb: ${BBB}\n")
    assert len(refused.value.problems) == 2


SCRIPT = "data:\n  run.sh: |\n    echo ${1:-x} ${#list} ${HOST} $$\n"


@pytest.mark.row("REN-15")
def test_scripts_stay_as_they_are_unless_the_application_asks() -> None:
    """REN-15: nothing is replaced without a word; with one, a script says that it wants to be left alone."""
    plain = examples.target(targets.ManifestFolder("m"))
    assert variables.fill(plain) is None
    written = yamltext.load_all(SCRIPT, "m/a.yaml")[0].value
    assert read(SCRIPT, plain) == [written]
    with pytest.raises(errors.InvalidInput, match=r"a\.yaml:3"):
        read(SCRIPT)
    for where in ("labels", "annotations"):
        for word in ("reconciler.dev/substitute", "kustomize.toolkit.fluxcd.io/substitute"):
            spared = f"metadata: {{{where}: {{{word}: disabled}}}}\n{SCRIPT}"
            assert read(f"a: ${{N}}\n---\n{spared}---\nb: ${{N}}\n") == [
                {"a": 3},
                yamltext.load_all(spared, "")[0].value,
                {"b": 3},
            ]


def test_charts_have_values_instead() -> None:
    assert variables.fill(examples.target(examples.CHART)) is None
