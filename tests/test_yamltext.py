"""The loader reads what kubectl reads; everything else is refused in one way, with a line and without a value."""

import json
from typing import Any

import pytest
import yaml

from reconciler import errors, yamltext


def values(text: str) -> list[Any]:
    return [document.value for document in yamltext.load_all(text, "app.yaml")]


def problems(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(yamltext.YamlError) as caught:
        yamltext.load_all(text, "app.yaml")
    return caught.value.problems


# Seen with `kubectl annotate --local --dry-run=client -o jsonpath={.data} -f`, kubectl 1.32 and the decoder of 1.36,
# each scalar as `data.v` of a ConfigMap. To check again: one document a row, compare the JSON.
KUBECTL_SCALARS = [
    *((text, True) for text in "y Y yes Yes YES true True TRUE on On ON".split()),  # noqa: SIM905 - one row, not eleven
    *((text, False) for text in "n N no No NO false False FALSE off Off OFF".split()),  # noqa: SIM905 - as above
    *((text, None) for text in ("", "~", "null", "Null", "NULL", "!!null ''")),
    *((text, text) for text in ("yEs", "tRUE", "nULL", "None", "infinity", "nan", ".infx", "<<", "=", "+", ".", "..")),
    *((text, text) for text in ("1:30", "190:20:30", "2001-12-14", "2001-12-14t21:59:43.10-05:00", "1.2.3", "v1.2.3")),
    *((text, text) for text in ("0o8", "0b12", "0xG", "0o", "0b", "0x", "-0b+1", "_1", "1e", "e3", "1e400x")),
    *((text, text) for text in ("5Gi", "100m", "1٣", "٣", "1.5.", "0x1p3")),
    *(
        (text, 8)
        for text in ("0o10", "010", "08", "0_8", "8", "+8", "8.", "8.0", "0x8", "0b1000", "0B1000", "!!int 010")
    ),
    *((text, 7) for text in ("0o7", "0O7", "07", "0o_7")),
    *((text, 0) for text in ("0", "-0", "+0", "00", "-0.0", "0.0", "1e-400")),
    *((text, 1000) for text in ("1e3", "1E3", "1.e3", "1_000", "1__0_00", "0001e3")),
    *((text, -31) for text in ("-31", "-0x1F", "-0X1f", "-0b11111")),
    *((text, 0.5) for text in (".5", "+.5", "0.5", "5e-1", "!!float 0.5", '!!float "0.5"')),
    ("0b+1", 1),
    ("0b-1", -1),
    ("-._5", -0.5),
    ("1e-7", 1e-7),
    ("12e03", 12000),
    ("9223372036854775807", 2**63 - 1),
    ("-9223372036854775808", -(2**63)),
    ("9007199254740993", 9007199254740993),
    ("9007199254740993.0", 9007199254740992),
    ("1.2345678901234567e18", 1234567890123456800),  # the shortest digits of the double, as Go writes them
    ("1e18", 10**18),
    ("1e20", 1e20),
    ("1e21", 1e21),
    ("123456789.123456789", 123456789.12345679),
    ("!!str 5", "5"),
    ("!!str yes", "yes"),
    ('!!int "5"', 5),
    ("!!float 5", 5),
    ("!!bool yes", True),
    ('"5"', "5"),
    ("'y'", "y"),
    (r'"\x41\u00e9"', "Aé"),
    ("!!map {a: 1}", {"a": 1}),
    ("!!seq [a]", ["a"]),
]


@pytest.mark.parametrize(("text", "expected"), KUBECTL_SCALARS)
@pytest.mark.row("YML-06")
def test_scalars_are_what_kubectl_makes_of_them(text: str, expected: object) -> None:
    (document,) = values(f"v: {text}\n")
    assert document["v"] == expected
    assert type(document["v"]) is type(expected)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        *((f"v: {word}", "infinity and not-a-number") for word in (".inf", "-.Inf", "+.INF", ".nan", ".NaN")),
        *((f"v: {digits}", "beyond 64 bits") for digits in ("9223372036854775808", "-9223372036854775809")),
        *((f"v: {digits}", "beyond 64 bits") for digits in ("0xFFFFFFFFFFFFFFFFFF", "9" * 5000, "0b" + "1" * 65)),
        *((f"v: {number}", "too large for a double") for number in ("1e400", "-1e400", "!!float 1e400")),
        *((f"v: {number}", "depending on the reader") for number in ("._9", ".5_0")),
        *(
            (f"v: {tagged}", "a tag that JSON has no type for")
            for tagged in ("!!binary aGk=", "!!timestamp 2001-12-14")
        ),
        *(
            (f"v: {tagged}", "a tag that JSON has no type for")
            for tagged in ("!secret x", '! "5"', "!!set {a}", "!!map x")
        ),
        *((f"v: {tagged}", "a tag that JSON has no type for") for tagged in ("!!seq {a: 1}", "!x [a]", "!!merge x")),
        ("!!python/object/apply:os.system [true]", "a tag that JSON has no type for"),
        *((f"v: {tagged}", "does not fit its tag") for tagged in ("!!int 1e3", "!!int ''", "!!int .5", "!!bool 1")),
        *((f"v: {tagged}", "does not fit its tag") for tagged in ("!!null x", "!!float x", "!!float y", "!!int y")),
        ("~: 1", "a null key"),
        ("1.5: 1", "a number as a key"),
        ("1e3: 1", "a number as a key"),
        ("a: &n 1\n*n : 2", "a number as a key"),
        ("[a]: 1", "a mapping or a sequence as a key"),
        ("? {a: 1}\n: 2", "a mapping or a sequence as a key"),
        ("<<: 5", "a merge key"),
        ("a: &l [{b: 1}]\n<<: *l", "a merge key"),
        ("<<: {a: 1}\n<<: {b: 1}", "a second merge key"),
        ("a: *nowhere", "has no anchor"),
        ("a: &x 1\n---\nb: *x", "has no anchor"),
        ("a: &x [*x]", "stands within"),
        ("a: &x {b: {c: *x}}", "stands within"),
        ("%YAML 1.1\n---\na: 1", "directive"),
        ("%TAG ! tag:example.com,2000:\n---\na: 1", "directive"),
        ("--- {a: 1}", "text follows ---"),
        ("a: 1\n---b: 2", "text follows ---"),
        ("a: 1\n--- |\n  b", "text follows ---"),
        ("a: 1\n---#b", "text follows ---"),
        ("a: 1\r---\rb: 2", "kubectl would skip"),
        ("a: 1\n...\nb: 2", "did not find expected <document start>"),
        ("a: \ufeff1", "byte order mark"),
        ("a: \x00", "control characters"),
        ("a: \ud800", "lone surrogate"),
        ("a: [1, 2", "did not find expected ',' or ']'"),
        ("a: b: c", "mapping values are not allowed"),
        ("\ta: 1", "cannot start any token"),
        (b"a: \xff", "not UTF-8"),
        ("a: 1".encode("utf-16"), "not UTF-8"),
    ],
)
@pytest.mark.row("YML-01", "YML-06", "YML-08")
def test_the_rest_is_refused_with_a_reason_and_a_remedy(text: str | bytes, because: str) -> None:
    (problem,) = problems(text)
    assert because in problem
    where, line, sentence = problem.split(":", 2)
    assert where == "app.yaml"
    assert int(line) >= 1
    assert ";" in sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a: 1\nb: {{cell}}\n", True, id="vitess' and New Relic's examples"),
        pytest.param("a: 1\n{{- if .Values.x }}\nb: 1\n", True, id="a chart's template among plain files"),
        pytest.param("a: '{{ legend }}'\nb: [\n  a,\n  !!binary aa]\n", False, id="braces elsewhere"),
    ],
)
def test_a_template_among_plain_files_is_recognised(text: str, told: bool) -> None:
    assert ("plain files are read as they are" in problems(text)[0]) is told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: .inf\n", 2),
        ("# comment\n\na: 1\nb: [\n  !!binary aa]\n", 5),
        ("a: 1\nb: \x01\n", 2),
        ("é: 1\né2: é\nc: \x01\n", 3),
        (b"a: 1\n\nb: \xff\n", 3),
        ("a: 1\nb: \ud800\n", 2),
        ("a: 1\n--- b\n", 2),
        ("a: 1\n---\n---\nb: 1\n--- b\n", 5),
        ("a: 1\nb: \ufeff\n", 2),
        ("a: 1\nb: 2\nc: *d\n", 3),
    ],
)
def test_the_line_is_the_one_to_correct(text: str | bytes, line: int) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"app.yaml:{line}: ")


def test_one_error_type_that_the_project_knows() -> None:
    with pytest.raises(errors.InvalidInput, match=r"app\.yaml:1"):
        yamltext.load_all("a: .inf", "app.yaml")


def test_all_problems_are_told_at_once_in_the_order_of_the_text() -> None:
    text = "a: .inf\nb: 1\nb: 2\nc: !x 1\n~: 1\nd: [1, 2\n"
    assert [problem.split(":")[1] for problem in problems(text)] == ["1", "3", "4", "5", "7"]


def test_a_flood_of_problems_is_cut() -> None:
    assert len(problems("- .inf\n" + "".join(f"- !x {number}\n" for number in range(1000)))) == 20
    assert len(problems("a: 1\n" * 1000)) == 20


# --- duplicate keys and merges ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "second", "first"),
    [
        ("replicas: 3\nreplicas: 4\n", 2, "line 1"),
        ("a:\n  b: 1\n  c: {d: 1,\n   d: 2}\n", 4, "line 3"),
        ("- a: 1\n- a: 1\n- a: 1\n  'a': 2\n", 4, "line 3"),
        ("a: 1\n---\na: 1\n---\n\na: 1\nb: 1\na: 1\n", 8, "line 6"),
        ("'1': a\n1: b\n", 2, "line 1"),
        ("010: a\n8: b\n", 2, "line 1"),
        ("yes: a\n'true': b\n", 2, "line 1"),
        ("a: &k x\nx: 1\n*k : 2\n", 3, "above"),
    ],
)
@pytest.mark.row("YML-05")
def test_duplicate_keys_name_both_lines(text: str, second: int, first: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"app.yaml:{second}: key ")
    assert f"already set {first}" in problem or f"already set on {first}" in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: {a: 1}\na: 2\n", {"a": 2}),
        ("a: 2\n<<: {a: 1, b: 3}\n", {"a": 1, "b": 3}),  # go-yaml v2 works in the order of the text
        ("<<: [{a: 1}, {a: 2, b: 2}]\n", {"a": 1, "b": 2}),
        ("p: &p {a: {b: 1}}\nq:\n  <<: *p\n  c: 1\n", {"p": {"a": {"b": 1}}, "q": {"a": {"b": 1}, "c": 1}}),
        (
            "p: &p {a: 1}\nq: &q\n  <<: *p\n  b: 2\nr:\n  <<: [*q]\n",
            {"p": {"a": 1}, "q": {"a": 1, "b": 2}, "r": {"a": 1, "b": 2}},
        ),
        ("p: &p {a: 1}\nq:\n  !!merge <<: *p\n  b: 2\n", {"p": {"a": 1}, "q": {"a": 1, "b": 2}}),
        ("'<<': 5\n", {"<<": 5}),
        ("a: <<\n", {"a": "<<"}),
        ("- &m <<\n- *m\n", ["<<", "<<"]),
    ],
)
def test_merge_keys_work_as_in_kubectl(text: str, expected: object) -> None:
    assert values(text) == [expected]


def test_a_merged_key_may_be_overridden_once() -> None:
    assert "already set" in problems("<<: {a: 1}\na: 2\na: 3\n")[0]
    assert "already set" in problems("a: 2\n<<: {a: 1}\na: 3\n")[0]


def test_aliases_are_copies() -> None:
    (document,) = values("a: &x {b: [1]}\nc: *x\nd: &s text\ne: *s\n")
    assert document == {"a": {"b": [1]}, "c": {"b": [1]}, "d": "text", "e": "text"}
    document["c"]["b"].append(2)
    assert document["a"] == {"b": [1]}


def test_an_anchor_may_be_defined_again() -> None:
    assert values("a: &x {c: &x 1, d: *x}\nb: *x\n") == [{"a": {"c": 1, "d": 1}, "b": 1}]


# --- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# only a comment\n", []),
        ("---\n---\n# nothing\n---\nnull\n---\n~\n", []),
        ("a: 1\n---\nb: 2\n", [(1, {"a": 1}), (3, {"b": 2})]),
        ("# comment\n\n---  # Source: chart/templates/a.yaml\n\na: 1\n", [(5, {"a": 1})]),
        ("a: 1\r\n---\r\nb: 2\r\n", [(1, {"a": 1}), (3, {"b": 2})]),
        ("a: 1\n...\n---\nb: 2\n", [(1, {"a": 1}), (4, {"b": 2})]),
        ("\ufeffa: 1\n", [(1, {"a": 1})]),
        ("\ufeff---\na: 1\n", [(2, {"a": 1})]),
        (b"\xef\xbb\xbfa: 1\n", [(1, {"a": 1})]),
        ("---\n- 1\n- [a, {}]\n---\ntext\n", [(2, [1, ["a", {}]]), (5, "text")]),
        ('{"a": [1, 2.50, "x\\n", true, null], "b": {}}', [(1, {"a": [1, 2.5, "x\n", True, None], "b": {}})]),
        ("a: |\n  --- text\n  ---\n", [(1, {"a": "--- text\n---\n"})]),
        ("a: |\n  text", [(1, {"a": "text\n"})]),  # kubectl ends the last line
        ("a: |-\n  text", [(1, {"a": "text"})]),
        ("8080: a\ntrue: b\n'x y': c\n!!str 5: d\n", [(1, {"8080": "a", "true": "b", "x y": "c", "5": "d"})]),
    ],
)
def test_documents_are_those_that_kubectl_sees(text: str | bytes, expected: list[tuple[int, object]]) -> None:
    assert [(document.line, document.value) for document in yamltext.load_all(text, "app.yaml")] == expected


@pytest.mark.parametrize(
    "text",
    [
        r'{"a": "\ud83d\ude00\uD83D\uDE00", "b": ["x\\\\\ud83d\ude00"]}',
        r'{"a": "\\ud83d\\ude00", "\ud83d\ude00": "\u00e9\/"}',
        '\n  {"a": "\\ud83d\\ude00"}\n',
    ],
)
def test_json_is_read_as_json_with_its_pairs_of_escapes(text: str) -> None:
    assert values(text) == [json.loads(text)]


@pytest.mark.parametrize("text", [r'{"a": "\ud83d"}', r'{"a": "\ude00\ud83d"}', r'a: "\ud83d\ude00"'])
def test_half_a_character_and_pairs_in_yaml_are_refused_as_by_kubectl(text: str) -> None:
    assert "invalid Unicode character escape code" in problems(text)[0]


def test_ordinary_manifests_are_read_as_by_other_loaders() -> None:
    text = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app.kubernetes.io/name: web}}
spec:
  replicas: 3
  template:
    spec:
      containers:
      - name: web
        image: registry.example.com/web:v1.2.3
        args: ["--port=8080", '--level=info']
        resources:
          limits: {cpu: 500m, memory: 256Mi}
        command:
        - sh
        - -c
        - >-
          exec
          web
"""
    assert values(text) == list(yaml.safe_load_all(text))


# --- positions --------------------------------------------------------------------------------------------------------

SETTINGS = """\
# comment
apiVersion: reconciler.dev/v1

source: &source
  chart:
    path: charts/web
    valuesFiles: [values.yaml,
      more.yaml]
probes:
  - url: https://example.com
    timeout: 5s
  -
    url: https://example.org
other:
  <<: *source
  8080: x
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("apiVersion",), 2),
        (("source",), 4),
        (("source", "chart", "path"), 6),
        (("source", "chart", "valuesFiles", 0), 7),
        (("source", "chart", "valuesFiles", 1), 8),
        (("source", "chart", "missing", "deeper"), 5),
        (("probes", 0, "timeout"), 11),
        (("probes", 1), 13),
        (("probes", 1, "url"), 13),
        (("probes", 7), 9),
        (("other", "8080"), 16),
        (("other", "chart", "path"), 14),
        (("nowhere",), 2),
    ],
)
def test_positions_find_the_line_of_a_path(path: tuple[str | int, ...], line: int) -> None:
    value, positions = yamltext.load_with_positions(SETTINGS, "settings.yaml")
    assert isinstance(value, dict)
    assert value["other"] == {"chart": {"path": "charts/web", "valuesFiles": ["values.yaml", "more.yaml"]}, "8080": "x"}
    assert positions.line(path) == line


def test_positions_know_the_one_document_among_null_ones() -> None:
    value, positions = yamltext.load_with_positions("null\n---\n\na: 1\n---\n~\n", "settings.yaml")
    assert value == {"a": 1}
    assert (positions.line(()), positions.line(("a",))) == (4, 4)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "settings.yaml:1: the file holds no document"),
        ("a: 1\n---\nb: 1\n", "settings.yaml:3: a second document"),
        ("a: 1\na: 2\n", "settings.yaml:2: key 'a' is already set on line 1"),
    ],
)
def test_a_settings_file_holds_one_document(text: str, problem: str) -> None:
    with pytest.raises(yamltext.YamlError) as caught:
        yamltext.load_with_positions(text, "settings.yaml")
    assert caught.value.problems[0].startswith(problem)
