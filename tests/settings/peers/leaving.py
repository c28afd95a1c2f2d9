"""A target, an environment and the daemon's settings with every field set, to be exported to Flux and Argo CD."""

from collections.abc import Iterator
from typing import Any

from reconciler import yamltext
from reconciler.app import writing
from reconciler.model import document, ids, targets
from reconciler.settings import application, base, deployment, environment, loading, resolve, structure
from reconciler.settings.peers import fates, outward, to_argocd, to_flux

REPOSITORY: dict[str, Any] = {
    "url": "https://git.example.com/team/state.git",
    "ref": "refs/heads/main",
    "poll": "90s",
    "timeout": "1m",
    "allowLocal": False,
    "credentials": {"usernameFile": "/u", "passwordFile": "/p", "caFile": "/c"},
    "signatures": {
        "policy": "require",
        "allowedSignersFile": "/a",
        "revokedKeysFile": "/r",
        "gpgKeyringFile": "/g",
        "signingKeyFile": "/s",
        "trustedCommit": "a" * 40,
    },
    "author": {"name": "a", "email": "a@example.com"},
    "desiredState": "desired-state",
    "maxFiles": 10,
    "maxBytes": "1Mi",
}
SSH = {"privateKeyFile": "/k", "knownHostsFile": "/h", "passphraseFile": "/f"}
LIMITS: dict[str, Any] = {
    "repository": "state",
    "cluster": "main",
    "namespaces": ["web", "shop"],
    "clusterKinds": ["Namespace"],
    "impersonate": {"user": "robot", "groups": ["robots"]},
    "decryption": {"ageKeyFile": "/k"},
    "revert": {"git": "pin", "firstDeployment": "leave"},
    "prune": {"count": 9, "percent": "50%"},
    "drift": "heal",
    "maxLag": "1h",
    "verify": {
        "progressDeadline": "5m",
        "observe": "2m",
        "restarts": 3,
        "limits": {"observe": "0s", "progressDeadline": "1h", "restarts": 10},
    },
}
ENVIRONMENT: dict[str, Any] = {
    "apiVersion": "reconciler.dev/v1",
    "kind": "Environment",
    "promotesFrom": "staging",
    "namespace": "web",
    "namespaces": ["web", "shop"],
    "clusterKinds": ["Namespace"],
    "variables": {"HOST": "shop.example.com", "REPLICAS": 3, "DEBUG": False},
    "verify": {"progressDeadline": "4m", "observe": "1m", "restarts": 2},
    "prune": {"count": 8, "percent": "40%"},
    "drift": "heal",
}
APPLICATION: dict[str, Any] = {
    "apiVersion": "reconciler.dev/v1",
    "kind": "Application",
    "namespace": "shop",
    "state": "present",
    "adopt": {"from": ["helm"], "managers": ["terraform"], "marks": "keep"},
    "reads": ["bases/web"],
    "dependsOn": ["database", "queue"],
    "strategy": {"type": "rolling"},
    "verify": {
        "progressDeadline": "1h",
        "observe": "1m",
        "restarts": 2,
        "healthChecks": [
            {"kind": "Backup.example.com", "inProgress": "status.a == 1", "failed": "false", "current": "true"}
        ],
        "probes": [
            {"url": "http://web/", "statuses": [200], "interval": "10s", "timeout": "5s", "failures": 3},
        ],
    },
    "prune": {"count": 5, "percent": "25%"},
    "drift": "heal",
    "ignore": [
        {"kind": "Deployment.apps", "name": "web-*", "namespace": "shop", "fields": ["/spec/replicas"]},
        {"kind": "Secret", "name": "web", "fields": ["stringData.password", "metadata.annotations[example.com/at]"]},
        {"kind": "Deployment.apps", "fields": ["spec.template.spec.containers[app].image", "webhooks[*].a"]},
    ],
    "keepLive": [{"kind": "Secret", "name": "web", "namespace": "*", "fields": ["data.token"]}],
}
VARIABLES = {"TAG": "1e3", "DEBUG": True}
ARCHIVE = {
    "repository": "oci://registry.example.com/charts",
    "name": "web",
    "version": "1.2.3",
    "digest": f"sha256:{'a' * 64}",
    "release": "site",
    "valuesFiles": ["values.yaml"],
    "values": {"a": {"b": [1]}},
}
FULL: dict[str, dict[str, Any]] = {
    "manifests": {
        "source": {"manifests": {"path": "/apps/web", "exclude": ["*.json", "ci"], "substitute": True}},
        "variables": VARIABLES,
    },
    "kustomize": {"source": {"kustomize": {"path": "overlay", "substitute": True}}, "variables": VARIABLES},
    "chart": {
        "source": {
            "chart": {"path": "charts/web", "release": "site", "valuesFiles": ["values.yaml"], "values": {"a": 1}}
        }
    },
    "archive": {"source": {"chart": ARCHIVE}},
}
EXPORT = {"flux": to_flux.export, "argocd": to_argocd.export}
NEEDS = {"database": outward.Need("database", chart=False, present=True), "queue": outward.Need("queue", True, True)}


def loaded(model: type[base.Settings], body: dict[str, Any], where: str) -> Any:
    return loading.load(model, writing.as_yaml(body), where=where)


def disk(limits: dict[str, Any], repository: dict[str, Any]) -> dict[str, Any]:
    return {
        "repositories": {"state": repository},
        "clusters": {"main": {"inCluster": True}},
        "environments": {"production": limits, "staging": limits},
    }


def resolved(own: dict[str, Any], *, outer: dict[str, Any], limits: dict[str, Any]) -> targets.Target:
    return resolve.resolve(
        loaded(deployment.Deployment, disk(limits, REPOSITORY), "deployment-config.yaml"),
        key=ids.TargetKey("production", "web"),
        folder="desired-state/production/web",
        application=loaded(application.Application, own, "application.yaml"),
        environment=loaded(environment.Environment, outer, "environment.yaml"),
    )


def given(
    own: dict[str, Any],
    *,
    outer: dict[str, Any] = ENVIRONMENT,
    limits: dict[str, Any] = LIMITS,
    repository: dict[str, Any] = REPOSITORY,
    in_cluster: bool = True,
    values: document.Json | None = None,
) -> outward.Given:
    def file(where: str, body: dict[str, Any]) -> outward.File:
        read, positions = yamltext.load_with_positions(writing.as_yaml(body), where)
        assert isinstance(read, dict)
        return outward.File(where, read, positions.line)

    return outward.Given(
        target=resolved(own, outer=outer, limits=limits),
        name="web",
        application=file("application.yaml", own),
        environment=file("environment.yaml", outer),
        disk=file(
            "deployment-config.yaml",
            {"repositories": {"state": repository}, "environments": {"production": limits}},
        ),
        url="https://git.example.com/team/state.git",
        ref="refs/heads/main",
        poll=90.0,
        timeout=60.0,
        in_cluster=in_cluster,
        needs=NEEDS,
        defaults=True,
        values=values,
    )


def full(kind: str) -> dict[str, Any]:
    return APPLICATION | FULL[kind]


def small(kind: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "reconciler.dev/v1", "kind": "Application"} | FULL[kind] | more


def settings_of(model: type[base.Settings], at: str = "") -> Iterator[str]:
    """Every setting of a file, without the places of lists."""
    for key, field in structure.by_key(model).items():
        content = structure.content(field)
        if content.group is None:
            yield f"{at}{key}"
        else:
            yield from settings_of(content.group, f"{at}{key}.")


def said(*bodies: dict[str, Any]) -> set[str]:
    """The same of some files."""
    return {".".join(str(step) for step in at if isinstance(step, str)) for body in bodies for at in fates.places(body)}


def missing(model: type[base.Settings], *bodies: dict[str, Any]) -> set[str]:
    written = said(*bodies)
    return {one for one in settings_of(model) if not any(f"{at}.".startswith(f"{one}.") for at in written)}
