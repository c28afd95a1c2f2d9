"""What is followed: kinds with health, and what their controllers make."""

import pytest

from reconciler.model import ids
from reconciler.verify import scope
from tests.verify import examples


@pytest.mark.parametrize(
    ("api_version", "kind", "followed"),
    [
        ("v1", "ConfigMap", set()),
        ("v1", "Secret", set()),
        ("v1", "ServiceAccount", set()),
        ("rbac.authorization.k8s.io/v1", "Role", set()),
        ("networking.k8s.io/v1", "NetworkPolicy", set()),
        ("v1", "Service", {"Service"}),
        ("apps/v1", "Deployment", {"Deployment.apps", "ReplicaSet.apps", "Pod"}),
        ("v1", "ReplicationController", {"ReplicationController", "Pod"}),
        ("apps/v1", "StatefulSet", {"StatefulSet.apps", "Pod"}),
        ("apps/v1", "DaemonSet", {"DaemonSet.apps", "Pod"}),
        ("batch/v1", "Job", {"Job.batch", "Pod"}),
        ("batch/v1", "CronJob", {"CronJob.batch"}),
        ("example.com/v1", "Backup", {"Backup.example.com"}),
    ],
)
def test_which_kinds_are_followed(api_version: str, kind: str, followed: set[str]) -> None:
    found = scope.followed([examples.manifest(examples.found(api_version, kind))])
    assert {str(one) for one, _ in found} == followed
    assert {namespace for _, namespace in found} <= {"web"}


def test_each_pair_once_sorted_and_by_namespace() -> None:
    wanted = [
        examples.found("apps/v1", "Deployment", "a"),
        examples.found("apps/v1", "Deployment", "b"),
        examples.found("batch/v1", "Job", "c", namespace="jobs"),
        examples.found("v1", "Namespace", "jobs", namespace=""),
    ]
    assert scope.followed([examples.manifest(one) for one in wanted]) == (
        (ids.KindKey("", "Namespace"), ""),
        (ids.KindKey("", "Pod"), "jobs"),
        (ids.KindKey("", "Pod"), "web"),
        (ids.KindKey("apps", "Deployment"), "web"),
        (ids.KindKey("apps", "ReplicaSet"), "web"),
        (ids.KindKey("batch", "Job"), "jobs"),
    )
