"""Which rights a target needs: for what it renders, for what it made before, and for what its health is read from."""

from reconciler.model import ids, manifests, rights
from reconciler.pipeline import needing

CONFIG_MAP, SECRET = ids.KindKey("", "ConfigMap"), ids.KindKey("", "Secret")
DEPLOYMENT, NAMESPACE = ids.KindKey("apps", "Deployment"), ids.KindKey("", "Namespace")
POD, REPLICA_SET = ids.KindKey("", "Pod"), ids.KindKey("apps", "ReplicaSet")


def rendered(*keys: tuple[ids.KindKey, str]) -> manifests.ManifestSet:
    origin = manifests.Origin("all.yaml", 1)
    made = (ids.ObjectKey(kind.group, kind.kind, namespace, "x") for kind, namespace in keys)
    return manifests.ManifestSet(tuple(manifests.Manifest(key, "v1", b"{}", origin) for key in made))


def test_what_is_rendered_is_managed_and_what_tells_its_health_only_read() -> None:
    found = needing.of_target(rendered((DEPLOYMENT, "web"), (CONFIG_MAP, "web"), (NAMESPACE, "")), ())
    assert {(need.kind, need.namespace): need.verbs for need in found} == {
        (NAMESPACE, ""): rights.VERBS,
        (CONFIG_MAP, "web"): rights.VERBS,
        (DEPLOYMENT, "web"): rights.VERBS,
        (POD, "web"): ("list", "watch"),
        (REPLICA_SET, "web"): ("list", "watch"),
    }


def test_what_was_made_before_may_have_to_be_pruned() -> None:
    found = needing.of_target(rendered((CONFIG_MAP, "web")), [ids.ObjectKey("", "Secret", "shop", "old")])
    assert [(need.kind, need.namespace) for need in found] == [(SECRET, "shop"), (CONFIG_MAP, "web")]


def test_needs_of_several_targets_are_one_for_each_kind_and_namespace() -> None:
    some = rights.Need(POD, "web", ("list", "watch"))
    more = rights.Need(POD, "web", ("delete", "get"))
    assert rights.merged([some, more, some]) == (rights.Need(POD, "web", ("get", "list", "watch", "delete")),)
