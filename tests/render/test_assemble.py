"""Documents → manifest set: what is refused, stripped, added, and that the same input gives the same bytes."""

import base64
import itertools

import pytest

from reconciler import errors
from reconciler.model import document, ids, manifests
from reconciler.render import assemble, parsed
from tests.render import examples

HEAD = "apiVersion: v1\nkind: ConfigMap\n"
WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: Cluster
  versions: [{name: v1, served: true}, {name: v1alpha1, served: false}]
---
"""


def problems(text: str, *, namespace: str = "web") -> tuple[str, ...]:
    with pytest.raises(errors.InvalidInput) as refused:
        examples.assembled(text, namespace=namespace)
    return refused.value.problems


REFUSED = [
    # YML-11: the frame
    ("[]", "not an object"),
    ("text", "not an object"),
    ("1", "not an object"),
    ("[{apiVersion: v1}]", "not an object"),
    ("{}", "no Kubernetes object"),
    ("cluster_name: Test Cluster\nnum_tokens: 256", "no Kubernetes object"),
    ("metadata: {name: a}", "no Kubernetes object"),
    ("kind: ConfigMap\nmetadata: {name: a}", "apiVersion is missing"),
    ("apiVersion: 1\nkind: ConfigMap\nmetadata: {name: a}", "apiVersion is missing or not"),
    ("apiVersion: a/b/c\nkind: ConfigMap\nmetadata: {name: a}", "apiVersion is missing or not"),
    ("apiVersion: v1\nmetadata: {name: a}", "kind is missing"),
    ("apiVersion: v1\nkind: 1\nmetadata: {name: a}", "kind is missing or not"),
    ("apiVersion: v1\nkind: [ConfigMap]\nmetadata: {name: a}", "kind is missing or not"),
    ("apiVersion: v1\nkind: ../x\nmetadata: {name: a}", "kind is missing or not"),
    (HEAD, "metadata is missing"),
    (HEAD + "metadata: []", "metadata is missing or no mapping"),
    (HEAD + "metadata: text", "metadata is missing or no mapping"),
    (HEAD + "metadata: null", "metadata is missing"),
    ("apiVersion: v1\nkind: List\nitems: {}", "items of the List"),
    ("apiVersion: v1\nkind: List\nitems: [1]", "not an object"),
    # REN-13: names that are paths
    (HEAD + "metadata: {}", "metadata.name is missing"),
    (HEAD + "metadata: {name: ''}", "metadata.name is missing"),
    (HEAD + "metadata: {name: 1}", "metadata.name is missing or no text"),
    (HEAD + "metadata: {name: null}", "metadata.name is missing"),
    (HEAD + "metadata: {name: ../../x}", "no name may hold"),
    (HEAD + "metadata: {name: ..}", "no name may hold"),
    (HEAD + "metadata: {name: a%2fb}", "no name may hold"),
    (HEAD + 'metadata: {name: "a\\0b"}', "no name may hold"),
    (HEAD + 'metadata: {name: "a\\nb"}', "no name may hold"),
    (HEAD + f"metadata: {{name: {'a' * 254}}}", "longer than 253"),
    (HEAD + "metadata: {generateName: a-}", "generateName"),
    (HEAD + "metadata: {name: a, namespace: 1}", "metadata.namespace"),
    (HEAD + "metadata: {name: a, namespace: A_B}", "metadata.namespace"),
    (HEAD + f"metadata: {{name: a, namespace: {'a' * 64}}}", "metadata.namespace"),
    # labels and annotations
    (HEAD + "metadata: {name: a, labels: {x: 1}}", "metadata.labels.x is no text"),
    (HEAD + "metadata: {name: a, labels: {x: true}}", "metadata.labels.x is no text"),
    (HEAD + "metadata: {name: a, labels: [x]}", "metadata.labels is no mapping"),
    (HEAD + "metadata: {name: a, annotations: {x: {y: z}}}", "metadata.annotations.x is no text"),
    # YML-15: what belongs to the server
    (HEAD + "metadata: {name: a, uid: x}", "metadata.uid is set"),
    (HEAD + "metadata: {name: a, resourceVersion: '1'}", "metadata.resourceVersion is set"),
    (HEAD + "metadata: {name: a, managedFields: []}", "metadata.managedFields is set"),
    (HEAD + "metadata: {name: a, ownerReferences: []}", "metadata.ownerReferences is set"),
    (HEAD + "metadata: {name: a, creationTimestamp: '2026-01-01T00:00:00Z'}", "metadata.creationTimestamp is set"),
    (HEAD + "metadata: {name: a, generation: 1}", "metadata.generation is set"),
    (HEAD + "metadata: {name: a, selfLink: /x}", "metadata.selfLink is set"),
    (HEAD + "metadata: {name: a, deletionTimestamp: x}", "metadata.deletionTimestamp is set"),
    (HEAD + "metadata: {name: a, deletionGracePeriodSeconds: 1}", "metadata.deletionGracePeriodSeconds is set"),
    # YML-12 and YML-14: kinds and scopes
    ("apiVersion: v1\nkind: Confgmap\nmetadata: {name: a}", "kind Confgmap (v1) is not known"),
    ("apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: a}", "write networking.k8s.io/v1"),
    ("apiVersion: apps/v1beta2\nkind: Deployment\nmetadata: {name: a}", "write apps/v1"),
    ("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}", "bring its CustomResourceDefinition"),
    (WIDGETS + "apiVersion: example.com/v1alpha1\nkind: Widget\nmetadata: {name: a}", "kind Widget"),
    ("apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nmetadata: {name: a}", "cannot be applied"),
    # contents
    ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: [x]", "data is no mapping"),
    ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: x", "stringData is no mapping"),
    ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: 1}", "stringData.k is no text"),
    ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {k: hunter2}", "data.k is not base64"),
    (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 9223372036854775807}",
        "spec.replicas",
    ),
    (HEAD + f"metadata: {{name: a}}\ndata: {{x: {'y' * 900_000}, z: {'y' * 900_000}}}", "takes 18"),
    (HEAD + f"metadata: {{name: a, annotations: {{x: {'y' * 300_000}}}}}", "metadata.annotations take 300"),
    (
        HEAD + f"metadata: {{name: a, annotations: {{{ids.MARK}: 'here:staging/web:/ConfigMap/web/a'}}}}",
        "another owner",
    ),
    (HEAD + f"metadata: {{name: a, annotations: {{{ids.MARK}: 'garbage'}}}}", "another owner"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED, ids=[f"{says}-{index}" for index, (_, says) in enumerate(REFUSED)])
@pytest.mark.row("YML-11", "YML-12", "YML-14", "YML-15", "YML-16", "YML-17", "REN-13")
def test_refused(text: str, says: str) -> None:
    found = problems(text)
    assert any(says in problem for problem in found), found
    for problem in found:
        assert problem.startswith("web.yaml:"), "the place comes first"
        assert "; " in problem, "a remedy follows"
        assert "hunter2" not in problem


def test_a_namespace_that_a_kind_cannot_have_is_left_out_and_noted() -> None:
    found = examples.assembled("apiVersion: v1\nkind: Namespace\nmetadata: {name: a, namespace: b}")
    (manifest,) = found.manifests
    assert manifest.key == ids.ObjectKey("", "Namespace", "", "a")
    assert "namespace" not in manifest.document()["metadata"]
    assert found.notes == ("web.yaml:1: Namespace a belongs to no namespace: metadata.namespace is left out",)


def test_all_problems_come_at_once() -> None:
    text = "---\n".join(
        [HEAD + "metadata: {name: 1}\n", "[]\n", HEAD + "metadata: {name: b, uid: x, labels: {y: 1}}\n"]
    )
    assert [problem.split(":")[1] for problem in problems(text)] == ["1", "5", "7", "7"]


def test_a_flood_of_problems_is_cut_with_its_number() -> None:
    found = problems("---\n".join(["[]\n"] * 70))
    assert len(found) == assemble.PROBLEMS_SHOWN + 1
    assert found[-1] == "production/web: 20 more problems; correct these first"


def test_an_object_twice_is_refused_with_both_places() -> None:
    text = HEAD + "metadata: {name: a}\n---\n" + HEAD + "metadata: {name: a, namespace: web}\n"
    assert problems(text) == ("web.yaml:5: ConfigMap web/a is already in web.yaml:1; keep one of them",)


@pytest.mark.row("YML-14")
def test_a_namespaced_object_without_any_namespace_is_refused() -> None:
    assert "names no namespace" in problems(HEAD + "metadata: {name: a}", namespace="")[0]


def test_too_many_objects_are_refused() -> None:
    one = parsed.Parsed({"apiVersion": "v1"}, manifests.Origin("web.yaml", 1))
    with pytest.raises(errors.InvalidInput, match="renders to 10001 objects"):
        assemble.manifest_set(
            [one] * (assemble.OBJECTS + 1), target=examples.FOLDER, installation="here", facts=examples.FACTS
        )


@pytest.mark.row("YML-08")
def test_numbers_beyond_64_bits_are_refused() -> None:
    value: document.Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "x": 2**70}
    one = parsed.Parsed(value, manifests.Origin("web.yaml", 1))
    with pytest.raises(errors.InvalidInput, match="a number that JSON cannot carry"):
        assemble.manifest_set([one], target=examples.FOLDER, installation="here", facts=examples.FACTS)


def only(text: str) -> document.Json:
    return examples.assembled(text).manifests[0].document()


def test_namespace_mark_and_label_are_given() -> None:
    (found,) = examples.assembled(HEAD + "metadata: {name: a}").manifests
    assert found.key == ids.ObjectKey("", "ConfigMap", "web", "a")
    assert found.origin == manifests.Origin("web.yaml", 1)
    metadata = found.document()["metadata"]
    assert metadata == {
        "name": "a",
        "namespace": "web",
        "annotations": {ids.MARK: "here:production/web:/ConfigMap/web/a"},
        "labels": {"app.kubernetes.io/managed-by": "reconciler"},
    }


def test_the_mark_is_valid_on_its_object_only() -> None:
    (found,) = examples.assembled(HEAD + "metadata: {name: a, namespace: other}").manifests
    mark = document.text(found.document(), "metadata", "annotations", ids.MARK)
    assert ids.Mark.parse(mark, on=found.key) == ids.Mark("here", examples.KEY, found.key)
    assert ids.Mark.parse(mark, on=ids.ObjectKey("", "ConfigMap", "web", "b")) is None


def test_an_object_that_carries_its_own_mark_is_the_same_object() -> None:
    marked = HEAD + f"metadata: {{name: a, annotations: {{{ids.MARK}: 'here:production/web:/ConfigMap/web/a'}}}}"
    assert examples.assembled(marked).digest == examples.assembled(HEAD + "metadata: {name: a}").digest


def test_a_cluster_scoped_object_gets_no_namespace() -> None:
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}"
    (found,) = examples.assembled(text).manifests
    assert found.key == ids.ObjectKey("", "Namespace", "", "a")
    assert "namespace" not in document.mapping(found.document(), "metadata")


@pytest.mark.parametrize(
    ("label", "becomes"), [("Helm", "reconciler"), ("''", "reconciler"), ("argo", "argo"), ("null", "reconciler")]
)
def test_managed_by_is_true_or_what_somebody_chose(label: str, becomes: str) -> None:
    """Helm's charts say `Helm`, which is not true here; selectors and templates keep what they say."""
    text = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: a, labels: {{app.kubernetes.io/managed-by: {label}}}}}
spec:
  selector: {{matchLabels: {{app.kubernetes.io/managed-by: Helm}}}}
  template: {{metadata: {{labels: {{app.kubernetes.io/managed-by: Helm}}}}}}
"""
    found = only(text)
    assert document.text(found, "metadata", "labels", assemble.MANAGED_BY) == becomes
    assert document.text(found, "spec", "selector", "matchLabels", assemble.MANAGED_BY) == "Helm"
    assert document.text(found, "spec", "template", "metadata", "labels", assemble.MANAGED_BY) == "Helm"


@pytest.mark.row("YML-15")
def test_nulls_status_and_empty_timestamps_go() -> None:
    text = (
        HEAD
        + "metadata: {name: a, creationTimestamp: null, labels: null}\n"
        + "data: {a: null, b: ''}\nstatus: {x: 1}\nx: [{y: null}]"
    )
    found = only(text)
    assert found["data"] == {"b": ""}
    assert found["x"] == [{}]
    assert "status" not in found
    assert "creationTimestamp" not in document.mapping(found, "metadata")


def test_string_data_becomes_data_and_wins() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: eA==, b: eA==}\nstringData: {b: ü, c: ''}"
    found = only(text)
    assert found["data"] == {"a": "eA==", "b": base64.b64encode("ü".encode()).decode(), "c": ""}
    assert "stringData" not in found


def test_string_data_of_other_kinds_is_theirs() -> None:
    assert only(HEAD + "metadata: {name: a}\nstringData: {b: x}")["stringData"] == {"b": "x"}


def test_lists_are_opened_also_nested_ones() -> None:
    item = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}"
    text = (
        f"apiVersion: v1\nkind: List\nitems: [{item % 'a'}, {{apiVersion: v1, kind: List, items: [{item % 'b'}]}}]\n"
        f"---\napiVersion: v1\nkind: ConfigMapList\nitems: [{item % 'c'}]\n---\napiVersion: v1\nkind: List\n"
    )
    assert [found.key.name for found in examples.assembled(text).manifests] == ["a", "b", "c"]


@pytest.mark.row("YML-12")
def test_a_definition_in_the_set_makes_its_kind_known() -> None:
    text = WIDGETS + "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}"
    keys = [found.key for found in examples.assembled(text).manifests]
    assert keys[-1] == ids.ObjectKey("example.com", "Widget", "", "w")


@pytest.mark.row("REN-15")
def test_variables_in_scripts_are_left_alone() -> None:
    """REN-15: ${...} in scripts is text."""
    assert only(HEAD + "metadata: {name: a}\ndata: {s: '${HOME} $(x) {{ y }}'}")["data"] == {
        "s": "${HOME} $(x) {{ y }}"
    }


def test_the_order_of_documents_changes_no_byte() -> None:
    parts = [HEAD + f"metadata: {{name: {name}}}\ndata: {{z: '1', a: '2'}}\n" for name in "abc"]
    digests = {examples.assembled("---\n".join(order)).digest for order in itertools.permutations(parts)}
    assert len(digests) == 1
    found = examples.assembled("---\n".join(reversed(parts)), notes=["n"])
    assert [manifest.key.name for manifest in found.manifests] == ["a", "b", "c"]
    assert found.notes == ("n",)


def test_nothing_is_an_empty_set() -> None:
    assert examples.assembled("").manifests == ()
