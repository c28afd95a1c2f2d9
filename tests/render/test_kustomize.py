"""Kustomizations before they are built: what each may refer to (REN-01, REN-02, REN-03), and what was built, read."""

import dataclasses

import pytest

from reconciler import errors
from reconciler.model import targets
from reconciler.render import kustomize, kustomize_fields
from tests.render import examples

OVERLAY = "apps/web/overlays/production"
SOURCE = targets.Kustomization(OVERLAY)
TARGET = dataclasses.replace(examples.target(SOURCE), reads=("apps/web/base",))
HERE = f"{OVERLAY}/kustomization.yaml"
PATCH = '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {secret: "hunter2"}}'


def tree(**files: str) -> dict[str, str]:
    return {
        f"{OVERLAY}/a.yaml": "kind: A",
        f"{OVERLAY}/more/b.yaml": "kind: B",
        "apps/web/base/kustomization.yaml": "resources: [c.yaml]",
        "apps/web/base/c.yaml": "kind: C",
        **files,
    }


def problems(files: dict[str, str], *, target: targets.Target = TARGET) -> list[str]:
    given = [examples.file(path, content) for path, content in files.items()]
    try:
        kustomize.check(target, SOURCE, files=given)
    except errors.InvalidInput as refused:
        return list(refused.problems)
    return []


def of(kustomization: str, **files: str) -> list[str]:
    """The problems of an overlay that reads so, without the place that all begin with."""
    return [problem.removeprefix(f"{HERE}:") for problem in problems(tree(**files) | {HERE: kustomization})]


# --- what may be referred to


@pytest.mark.parametrize(
    "kustomization",
    [
        "resources: [a.yaml, ./more/b.yaml, ../../base]",
        "bases: [../../base/]\nnamePrefix: x-\ncommonLabels: {a: b}\nimages: [{name: a, newTag: b}]",
        "RESOURCES: [a.yaml]",
        "configMapGenerator:\n- name: x\n  files: [a.yaml, key=more/b.yaml]\n  envs: [a.yaml]\n  literals: [a=b=c]",
        "secretGenerator:\n- name: x\n  env: a.yaml\n  type: Opaque",
        f"patches:\n- path: a.yaml\n- patch: |-\n    {PATCH}\n  target: {{kind: ConfigMap}}",
        f"patchesStrategicMerge:\n- a.yaml\n- |-\n  {PATCH}",
        "patchesJson6902:\n- path: a.yaml\n  target: {kind: ConfigMap}\n- patch: '[]'\n  target: {kind: A}",
        "replacements:\n- path: a.yaml\n- source: {kind: A}",
        "openapi: {path: a.yaml}\ncrds: [a.yaml]\nconfigurations: [a.yaml]",
        "openapi: {version: v1.20.4}",
        "transformers:\n- |-\n  apiVersion: builtin\n  kind: PrefixTransformer\n  metadata: {name: x}\n  prefix: x-",
        "labels: [{pairs: {a: b}}]\nnamespace: x\nreplicas: [{name: a, count: 1}]\nsortOptions: {order: fifo}",
    ],
)
def test_local_references_of_every_kind(kustomization: str) -> None:
    assert of(kustomization) == []


def test_configurations_are_read_for_their_own_references() -> None:
    inner = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: %s\n"
    assert of("transformers: [t.yaml]", **{f"{OVERLAY}/t.yaml": inner % "a.yaml"}) == []
    assert problems(
        tree(**{HERE: "transformers: [t.yaml]", f"{OVERLAY}/t.yaml": f"# x\n{inner % 'http://sink/x'}"})
    ) == [
        f"{OVERLAY}/t.yaml:2: path: is fetched from elsewhere, and nothing is downloaded;"
        " commit what it names and write its path"
    ]


@pytest.mark.parametrize(
    ("link", "refers", "said"),
    [
        (f"{OVERLAY}/linked", "c.yaml", ""),
        (f"{OVERLAY}/linked", "sub", ""),
        (f"{OVERLAY}/linked", "../more", f"resources[0]: leads out of {OVERLAY}/linked, a symbolic link to a folder"),
        (f"{OVERLAY}/linked/kustomization.yaml", "../more", ""),
        (OVERLAY, "../more", ""),
    ],
)
def test_kustomize_counts_from_where_a_linked_folder_really_lies(link: str, refers: str, said: str) -> None:
    """`..` there is not the folder that the link is in; out of a linked file it is."""
    files = {
        f"{OVERLAY}/kustomization.yaml": "resources: [linked]",
        f"{OVERLAY}/more/kustomization.yaml": "resources: [b.yaml]",
        f"{OVERLAY}/more/b.yaml": "kind: B",
        f"{OVERLAY}/linked/kustomization.yaml": f"resources: [{refers}]",
        f"{OVERLAY}/linked/c.yaml": "kind: C",
        f"{OVERLAY}/linked/sub/kustomization.yaml": "resources: [../c]",
        f"{OVERLAY}/linked/c/kustomization.yaml": "namePrefix: x-",
    }
    given = [
        dataclasses.replace(examples.file(path, content), through=link if path.startswith(link) else "")
        for path, content in files.items()
    ]
    if not said:
        kustomize.check(TARGET, SOURCE, files=given)
        return
    with pytest.raises(errors.InvalidInput) as caught:
        kustomize.check(TARGET, SOURCE, files=given)
    (problem,) = caught.value.problems
    assert said in problem


@pytest.mark.parametrize("name", ["kustomization.yml", "Kustomization"])
def test_the_other_names_of_the_file(name: str) -> None:
    assert problems(tree(**{f"{OVERLAY}/{name}": "resources: [a.yaml]"})) == []


# --- what may not

NOTHING_DOWNLOADED = "is fetched from elsewhere, and nothing is downloaded; commit what it names and write its path"
LISTS = ("resources", "bases", "components", "crds", "configurations", "generators", "transformers", "validators")
SINKS = (
    "http://sink/x.yaml",
    "HTTPS://sink/x.yaml",
    "http:sink/x.yaml",
    "'https://sink/a: b'",
    "github.com/x//y",
    "GitHub.com/x/y?ref=main",
    "github.com:x/y",
    "git@github.com:x/y.git",
    "git@host.xz:x/y//z?ref=1",
    "git::https://sink/x",
    "git::github.com/x/y",
    "ssh://git@host/x/y",
    "file:///etc",
    "https://user:hunter2@sink/x",
)


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("field", LISTS)
@pytest.mark.row("REN-03")
def test_nothing_is_fetched_whatever_the_field(field: str, sink: str) -> None:
    assert of(f"namePrefix: x\n{field}:\n- a.yaml\n- {sink}")[-1] == f"4: {field}[1]: {NOTHING_DOWNLOADED}"


@pytest.mark.parametrize(
    ("kustomization", "place"),
    [
        ("patches:\n- path: http://sink/x", "2: patches[0].path"),
        ("Patches:\n- PATH: http://sink/x", "2: Patches[0].PATH"),
        ("patchesStrategicMerge: ['http://sink/x']", "1: patchesStrategicMerge[0]"),
        ("patchesJson6902:\n- path: http://sink/x", "2: patchesJson6902[0].path"),
        ("replacements:\n- path: http://sink/x", "2: replacements[0].path"),
        ("openapi: {path: http://sink/x}", "1: openapi.path"),
        ("configMapGenerator:\n- files: [k=http://sink/x]", "2: configMapGenerator[0].files[0]"),
        ("secretGenerator:\n- envs: [http://sink/x]", "2: secretGenerator[0].envs[0]"),
        ("secretGenerator:\n- env: http://sink/x", "2: secretGenerator[0].env"),
        ("RESOURCES: [http://sink/x]", "1: RESOURCES[0]"),
        ("re\u017fource\u017f: [http://sink/x]", "1: re\u017fource\u017f[0]"),
        (
            "transformers:\n- |-\n  apiVersion: builtin\n  kind: ReplacementTransformer\n  metadata: {name: x}\n"
            "  replacements: [{path: http://sink/x}]",
            "2: transformers[0].replacements[0].path",
        ),
        (
            "transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchStrategicMergeTransformer\n"
            "  metadata: {name: x}\n  paths: [http://sink/x]",
            "2: transformers[0].paths[0]",
        ),
        (
            "generators:\n- |-\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: x}\n"
            "  files: [http://sink/x]",
            "2: generators[0].files[0]",
        ),
        (
            "transformers:\n- |-\n  apiVersion: builtin\n  kind: ValueAddTransformer\n  metadata: {name: x}\n"
            "  targetFilePath: http://sink/x",
            "2: transformers[0].targetFilePath",
        ),
    ],
)
@pytest.mark.row("REN-03")
def test_nothing_is_fetched_from_within(kustomization: str, place: str) -> None:
    assert of(kustomization) == [f"{place}: {NOTHING_DOWNLOADED}"]


@pytest.mark.parametrize(
    ("kustomization", "says"),
    [
        (
            "resources: [../../../db/base]",
            "1: resources[0]: leads to apps/db/base, which this application does not read;"
            " add it to `reads` in desired-state/production/web/application.yaml",
        ),
        ("components: [../../../../../..]", "1: components[0]: leads out of the repository, or to all of it"),
        ("resources: [../../../../]", "1: resources[0]: leads out of the repository, or to all of it"),
        ("resources: [/etc/passwd]", "1: resources[0]: is an absolute path"),
        ("configMapGenerator:\n- files: [x=/etc/passwd]", "2: configMapGenerator[0].files[0]: is an absolute path"),
        ("resources: [nope.yaml]", f"1: resources[0]: {OVERLAY}/nope.yaml is not in the repository"),
        ("resources: [../../base/nope]", "1: resources[0]: apps/web/base/nope is not in the repository"),
        ("resources: [../../base/c.yaml]", f"1: resources[0]: apps/web/base/c.yaml lies outside of {OVERLAY}"),
        ("patches: [{path: ../../base/c.yaml}]", "1: patches[0].path: apps/web/base/c.yaml lies outside"),
        ("components: [a.yaml]", f"1: components[0]: {OVERLAY}/a.yaml is a file"),
        ("crds: [more]", f"1: crds[0]: {OVERLAY}/more is a folder"),
        ("transformers: [../../base]", "1: transformers[0]: apps/web/base is a folder; name a file"),
        ("patchesStrategicMerge:\n- |\n  a: [hunter2\n", "2: patchesStrategicMerge[0]: is neither a path nor YAML"),
        ("helmCharts: [{name: x}]", "1: helmCharts: Kustomize would download and inflate the chart; make it an"),
        ("HelmGlobals: {}", "1: HelmGlobals: Kustomize would download"),
        ("helmChartInflationGenerator: []", "1: helmChartInflationGenerator: Kustomize would download"),
        ("newField: [x]", "1: newField: is no field that is known of a Kustomization"),
        ("secretGenerator:\n- literals: [a=b, hunter2]", "2: secretGenerator[0].literals[1]: is no literal"),
        ("secretGenerator:\n- literals: ['=hunter2']", "2: secretGenerator[0].literals[0]: is no literal"),
        ("[]", "1: is no mapping"),
        ("a: 1\na: 2", "2: key 'a' is already set"),
        ("resources: [", "2: "),
    ],
)
@pytest.mark.row("REN-01")
def test_refused_by_file_line_and_field(kustomization: str, says: str) -> None:
    found = of(kustomization)
    assert len(found) == 1
    assert found[0].startswith(says)
    assert "hunter2" not in found[0]


PLUGIN = "generators:\n- |-\n  apiVersion: {}\n  kind: {}\n  metadata:\n    name: x\n    annotations: {}\n"


@pytest.mark.parametrize(
    ("version", "kind", "annotations", "says"),
    [
        ("builtin", "HelmChartInflationGenerator", "{}", "2: generators[0]: Kustomize would download and inflate"),
        ("example.com/v1", "ConfigMapGenerator", "{}", "2: generators[0]: is of a plugin that would run code"),
        (
            "someteam.example.com/v1",
            "Exec",
            "{config.kubernetes.io/function: 'exec: {path: ./x}'}",
            "2: generators[0]: is",
        ),
        ("builtin", "Other", "{}", "2: generators[0]: is of a plugin that would run code"),
        ("v1", "ConfigMap", "{}", "2: generators[0]: is of a plugin that would run code"),
    ],
)
@pytest.mark.row("REN-01")
def test_no_plugin_runs(version: str, kind: str, annotations: str, says: str) -> None:
    (found,) = of(PLUGIN.format(version, kind, annotations))
    assert found.startswith(says)


def test_a_name_with_an_at_sign_is_only_remote_in_front() -> None:
    assert of("resources: [more/a@b.yaml]", **{f"{OVERLAY}/more/a@b.yaml": "kind: A"}) == []


# --- from one to the next


def test_the_places_of_problems_in_what_is_referred_to() -> None:
    base = "resources:\n- c.yaml\n- http://sink/x\n"
    files = tree(**{HERE: "resources: [../../base]"}) | {"apps/web/base/kustomization.yaml": base}
    assert problems(files) == [f"apps/web/base/kustomization.yaml:3: resources[1]: {NOTHING_DOWNLOADED}"]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, f"{OVERLAY}: there is no kustomization.yaml here"),
        ({HERE: "resources: [more]"}, f"{OVERLAY}/more: there is no kustomization.yaml here"),
        ({HERE: "{}", f"{OVERLAY}/Kustomization": "{}"}, f"{OVERLAY}: there are "),
        ({HERE: "nameprefix: a\n---\nnamePrefix: b"}, f"{HERE}: holds 2 documents"),
        ({HERE: "# nothing\n"}, f"{HERE}: holds no documents"),
        ({HERE: "components: [.]"}, f"{OVERLAY}: refers to itself: {OVERLAY} → {OVERLAY};"),
        (
            {
                HERE: "resources: [../../base]",
                "apps/web/base/kustomization.yaml": "resources: [../overlays/production]",
            },
            f"apps/web/base: refers to itself: {OVERLAY} → apps/web/base → {OVERLAY};",
        ),
    ],
)
@pytest.mark.row("REN-02")
def test_kustomizations_that_cannot_be_built(files: dict[str, str], says: str) -> None:
    (found,) = problems(tree(**files))
    assert found.startswith(says)


def chain(length: int, *, repeated: int = 1) -> dict[str, str]:
    """Components, each of which uses the next one."""
    files = {}
    for number in range(length):
        inner = ", ".join([f"../{number + 1}"] * repeated) if number < length - 1 else ""
        kind = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        files[f"{OVERLAY}/c/{number}/kustomization.yaml"] = f"{kind}components: [{inner}]\n"
    return files | {HERE: "components: [c/0]"}


def test_a_thousand_in_a_row_are_looked_at_without_recursion() -> None:
    assert problems(chain(999)) == []


@pytest.mark.row("REN-02")
def test_ten_thousand_components_are_refused_before_any_is_built() -> None:
    """REN-02."""
    assert problems(chain(10_000)) == [f"{OVERLAY}: refers to more than 1000 kustomizations; split the application"]


@pytest.mark.row("REN-02")
def test_components_that_double_at_every_step_are_refused() -> None:
    """Thirty small files would be built a thousand million times."""
    (found,) = problems(chain(30, repeated=2))
    assert found.startswith(f"{OVERLAY}: more than 1000 kustomizations would be built")


def test_problems_are_bounded() -> None:
    assert len(of("resources:\n" + "- http://sink/x\n" * 1_000)) == kustomize.PROBLEMS_SHOWN


# --- what was built


def test_documents_come_with_the_line_of_the_build() -> None:
    found = kustomize.read("kind: A\n---\nkind: B\n", source=SOURCE)
    assert [(str(each.origin), each.value) for each in found] == [
        (f"{OVERLAY} (built):1", {"kind": "A"}),
        (f"{OVERLAY} (built):3", {"kind": "B"}),
    ]


def test_what_was_built_is_read_strictly() -> None:
    with pytest.raises(errors.InvalidInput, match=rf"^{OVERLAY} \(built\):2: key 'a' is already set"):
        kustomize.read("a: 1\na: 2\n", source=SOURCE)


def test_every_field_has_one_meaning() -> None:
    meanings = [
        frozenset(kustomize_fields.LISTS),
        kustomize_fields.LISTS_WITH_PATH,
        kustomize_fields.GENERATORS,
        kustomize_fields.HELM_FIELDS,
        kustomize_fields.INNOCENT,
    ]
    assert sum(map(len, meanings)) == len(frozenset.union(*meanings))
