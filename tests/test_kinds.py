"""The table of kinds: what must hold for every line, and the lines that data depends on."""

import pytest

from reconciler import kinds
from reconciler.model import ids


def key(kind: str, group: str = "", name: str = "a", namespace: str = "n") -> ids.ObjectKey:
    return ids.ObjectKey(group, kind, namespace, name)


@pytest.mark.parametrize("kind", kinds.KINDS.values(), ids=lambda kind: str(kind.key))
def test_a_line_agrees_with_itself(kind: kinds.Kind) -> None:
    assert kinds.find(kind.key.group, kind.key.kind) is kind
    assert kind.tier in (0, 1, 2)
    assert kind.stateful or not kind.protected, "what is protected is never replaced either"
    assert kind.health


def test_exactly_what_git_cannot_bring_back_is_protected() -> None:
    protected = {kind.key.kind for kind in kinds.KINDS.values() if kind.protected}
    assert protected == {"Namespace", "CustomResourceDefinition", "PersistentVolume", "PersistentVolumeClaim"}


def test_an_unknown_kind_has_no_line_and_comes_before_what_intercepts_requests() -> None:
    custom = key("Widget", "example.com")
    assert kinds.of(custom) is None
    assert kinds.rank(key("Ingress", "networking.k8s.io")) < kinds.rank(custom)
    assert kinds.rank(custom) < kinds.rank(key("ValidatingWebhookConfiguration", "admissionregistration.k8s.io"))


def test_the_group_counts() -> None:
    assert kinds.find("", "Deployment") is None
    assert kinds.find("serving.knative.dev", "Service") is None


def test_objects_are_sorted_by_need_then_by_name() -> None:
    wanted = [
        key("Namespace"),
        key("CustomResourceDefinition", "apiextensions.k8s.io"),
        key("ServiceAccount"),
        key("RoleBinding", "rbac.authorization.k8s.io"),
        key("ConfigMap", name="a"),
        key("ConfigMap", name="b"),
        key("PersistentVolumeClaim"),
        key("Service"),
        key("Deployment", "apps"),
        key("HorizontalPodAutoscaler", "autoscaling"),
        key("Ingress", "networking.k8s.io"),
        key("Widget", "example.com"),
        key("MutatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ]
    wanted_by_name = sorted(wanted)
    assert sorted(wanted_by_name, key=kinds.sorting) == wanted


def test_only_a_secret_hides_fields() -> None:
    hiding = {kind.key.kind: kind.secret_fields for kind in kinds.KINDS.values() if kind.secret_fields}
    assert hiding == {"Secret": ("data", "stringData")}
