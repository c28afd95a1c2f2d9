"""`make wild`: what a folder is, whose a failure is, and one whole try on a control plane of its own."""

import json
import pathlib

import pytest
import yaml

from tests.support import site
from wild import blame, ground, source, telling, trying

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "names": {"plural": "servicemonitors", "singular": "servicemonitor", "kind": "ServiceMonitor"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "default": {}}}}
                },
            }
        ],
    },
}
MONITOR = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "web"}}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lit"}}
ADDRESSED = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "front", "namespace": "lit"},
    "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "web"}},
}
STORED = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.mark.parametrize(
    ("files", "shape"),
    [
        (["Chart.yaml", "kustomization.yaml"], source.Shape.CHART),
        (["kustomization.yml", "a.yaml"], source.Shape.KUSTOMIZATION),
        (["a.yaml"], source.Shape.MANIFESTS),
    ],
)
def test_a_folder_is_what_the_file_in_it_says(tmp_path: pathlib.Path, files: list[str], shape: source.Shape) -> None:
    for name in files:
        (tmp_path / name).touch()
    assert source.found(tmp_path).shape is shape


def test_what_is_not_there_or_lies_elsewhere_is_refused_with_the_remedy(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="name a folder with manifests"):
        source.found(tmp_path / "absent")
    (tmp_path / "bases").mkdir()
    (tmp_path / "overlay").mkdir()
    with pytest.raises(ValueError, match="name a root that holds it"):
        source.found(tmp_path / "overlay", root=tmp_path / "bases")
    with pytest.raises(ValueError, match="values files are for charts"):
        source.found(tmp_path / "overlay", values=[tmp_path / "bases"])


def test_more_settings_go_over_those_of_the_shape(tmp_path: pathlib.Path) -> None:
    found = source.found(tmp_path, settings="{source: {manifests: {exclude: [ci]}}, reads: [a]}")
    application = source.application(found, namespace="wild")
    assert application["source"] == {"manifests": {"path": "/tree", "exclude": ["ci"]}}
    assert application["reads"] == ["a"]
    with pytest.raises(ValueError, match="write it as in"):
        source.found(tmp_path, settings="[a]")


@pytest.mark.parametrize(
    ("because", "whose"),
    [
        ("tree/a.yaml:3: remote bases are not supported yet", blame.Whose.OURS),
        ("tree/crds is a symbolic link to '../crds', and there is no crds: link by", blame.Whose.THEIRS),
        ("tree/all is a symbolic link to tree, which holds the link itself and so has no end", blame.Whose.OURS),
        ("tree/a.yaml:3: no Kubernetes object, it has neither apiVersion nor kind", blame.Whose.THEIRS),
        ("kind ServiceMonitor is not known to the cluster", blame.Whose.BARE),
        ("tree/a.yaml:3: apiVersion is missing", blame.Whose.THEIRS),
        ("not healthy: Deployment web is not available", blame.Whose.BARE),
        ("Something that nobody has seen before", blame.Whose.OURS),
    ],
)
def test_a_failure_is_ours_until_shown_otherwise(because: str, whose: blame.Whose) -> None:
    assert blame.attributed(because).whose is whose


@pytest.mark.cluster
def test_a_folder_is_applied_is_quiet_and_is_removed(tmp_path: pathlib.Path) -> None:
    """A definition and its object, a namespace that the folder brings, and what waits for a provider."""
    folder = tmp_path / "web"
    folder.mkdir()
    objects = [MONITOR, ADDRESSED, STORED, site.deployment("web", replicas=1), NAMESPACE, DEFINITION]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects))
    patience = trying.Patience(site.PATIENCE)
    with ground.ready(source.found(folder), namespace="wild") as place:
        report = trying.Try(place, patience=patience, said=lambda step: None).run()
    told = telling.text(report)
    assert (report.objects, report.created, report.removed) == (6, 6, 6), told
    assert (report.second, report.again, report.left) == ((), (), ()), told
    assert (report.healthy, report.failures) == (True, ()), told
    assert told.endswith("APPLIED, QUIET, REMOVED\n")
    assert json.loads(telling.as_json(report))["clean"]
