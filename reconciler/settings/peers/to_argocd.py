"""To Argo CD: an `Application` v1alpha1."""

import re

from reconciler.model import document, targets
from reconciler.settings.peers import outward

NAMESPACE = "argocd"
"""Where Argo CD itself is: it looks for Applications there unless it was told otherwise."""
IN_CLUSTER = "https://kubernetes.default.svc"
_ALL = {
    "adopt": "it takes over whatever it renders, without being asked",
    "verify.progressDeadline": "health is waited for without end: argocd app wait --timeout, and"
    " progressDeadlineSeconds of the Deployments",
    "verify.observe": "a release is good once it is healthy: nothing is observed afterwards",
    "verify.restarts": "restarts fail no release: health decides",
    "verify.healthChecks": "health of a kind is a Lua script, resource.customizations.health.GROUP_KIND of argocd-cm",
    "verify.probes": "it asks no HTTP questions: the readiness probes of the pods are all there is",
}
_APPLICATION = {
    "dependsOn": "applications do not wait for each other: sync waves of an app of apps do that",
    "variables": "nothing is put in the place of ${…}",
    "source.chart.digest": "no archive is pinned: what is published anew under this version is deployed",
}
_ENVIRONMENT = {
    "promotesFrom": "environments do not wait for each other: a commit comes to all of them at once",
    "namespaces": "spec.destinations of an AppProject, named in spec.project",
    "clusterKinds": "spec.clusterResourceWhitelist of an AppProject, named in spec.project",
}
_DISK = {
    "repositories.REPOSITORY.credentials": "files of this disk: argocd repo add",
    "repositories.REPOSITORY.signatures": "it checks GPG signatures alone, as an AppProject says",
    "repositories.REPOSITORY.author": "nothing is ever committed",
    "repositories.REPOSITORY.allowLocal": "it reads no repository of a disk",
    "repositories.REPOSITORY.poll": "one for all repositories: timeout.reconciliation in argocd-cm",
    "repositories.REPOSITORY.timeout": "one for all repositories: ARGOCD_EXEC_TIMEOUT of its repo server",
    "repositories.REPOSITORY.maxFiles": "the number of files has no limit",
    "repositories.REPOSITORY.maxBytes": "the limits are those of its repo server",
    "environments.ENVIRONMENT.namespaces": _ENVIRONMENT["namespaces"],
    "environments.ENVIRONMENT.clusterKinds": _ENVIRONMENT["clusterKinds"],
    "environments.ENVIRONMENT.revert": "a release that fails stays as it is, in the cluster and in Git",
    "environments.ENVIRONMENT.decryption": "it opens no SOPS files, unless a plugin does",
    "environments.ENVIRONMENT.impersonate": "spec.destinationServiceAccounts of an AppProject, with impersonation on",
    "environments.ENVIRONMENT.maxLag": "every commit is applied at once",
    "environments.ENVIRONMENT.verify.limits": "nothing bounds what files in Git say",
}
_IGNORED = "spec.ignoreDifferences"


def export(given: outward.Given) -> outward.Exported:
    leaving = outward.Leaving(given)
    for path in ("apiVersion", "kind", "state"):
        leaving.application.carry(path, "the Application")
        leaving.environment.carry(path, outward.ALWAYS)
    spec: document.Json = {
        "project": "default",
        **_source(leaving),
        "destination": _destination(leaving),
        "syncPolicy": {
            "automated": {"prune": leaving.prunes, "selfHeal": given.target.drift is targets.DriftMode.HEAL},
            "syncOptions": ["ServerSideApply=true", "PruneLast=true"],
        },
    }
    leaving.tell("drift", "spec.syncPolicy.automated.selfHeal")
    leaving.prune(
        "spec.syncPolicy.automated.prune",
        unlimited="there is no limit: whatever leaves Git is deleted",
        off="nothing is pruned but by hand",
    )
    if rules := _ignored(leaving):
        spec["ignoreDifferences"] = rules
        document.items(spec, "syncPolicy", "syncOptions").append("RespectIgnoreDifferences=true")
    leaving.application.carry("reads", outward.ALWAYS)
    leaving.application.carry("strategy", outward.ALWAYS)
    _rest(leaving)
    header: document.Json = {"name": given.name, "namespace": NAMESPACE}
    return leaving.finish(
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": header, "spec": spec}
    )


def _rest(leaving: outward.Leaving) -> None:
    for path, because in _ALL.items():
        leaving.tell(path, "", because)
    for path, because in _APPLICATION.items():
        leaving.application.drop(path, because)
    unused = "" if leaving.substitutes else outward.UNUSED
    leaving.environment.carry("variables", unused, _APPLICATION["variables"])
    for path, because in _ENVIRONMENT.items():
        leaving.environment.drop(path, because)
    leaving.of_disk(_DISK)


def _destination(leaving: outward.Leaving) -> document.Json:
    """By name where the daemon itself is elsewhere: a name that Argo CD does not know is refused, while its own
    cluster would be the wrong one."""
    given = leaving.given
    leaving.tell("namespace", "spec.destination.namespace")
    if given.in_cluster:
        leaving.carry_disk("environments.ENVIRONMENT.cluster", "spec.destination.server")
        return {"server": IN_CLUSTER, "namespace": given.target.namespace}
    because = f"make it known by that name: argocd cluster add CONTEXT --name {given.target.cluster}"
    leaving.carry_disk("environments.ENVIRONMENT.cluster", "spec.destination.name", because)
    return {"name": given.target.cluster, "namespace": given.target.namespace}


def _source(leaving: outward.Leaving) -> document.Json:
    """`source`, or `sources` where the values files of an archive lie in Git."""
    own, source = leaving.application, leaving.target.source
    git: document.Json = {"repoURL": leaving.given.url, "targetRevision": leaving.given.ref}
    for path, to in (("url", "repoURL"), ("ref", "targetRevision"), ("desiredState", "path")):
        leaving.carry_disk(f"repositories.REPOSITORY.{path}", f"spec.source.{to}")
    leaving.carry_disk("environments.ENVIRONMENT.repository", "spec.source.repoURL")
    for word in ("manifests", "kustomize"):
        to = "" if leaving.substitutes else outward.ALWAYS
        own.carry(f"source.{word}.substitute", to, "nothing is put in the place of ${…}: write the values there")
    match source:
        case targets.ManifestFolder():
            made: document.Json = {**git, "path": source.path, "directory": _directory(leaving, source)}
        case targets.Kustomization():
            own.carry("source.kustomize.path", "spec.source.path")
            own.carry("source.kustomize", "spec.source.path")
            made = {**git, "path": source.path, "kustomize": {}}
        case targets.Chart(archive=None):
            own.carry("source.chart.path", "spec.source.path")
            made = {**git, "path": source.path, "helm": _helm(leaving, source, root="/")}
        case targets.Chart(archive=targets.ChartArchive() as archive):
            made = _packed(leaving, source, archive)
            if source.values_files:
                return {"sources": [made, {**git, "ref": "values"}]}
    return {"source": made}


def _directory(leaving: outward.Leaving, source: targets.ManifestFolder) -> document.Json:
    own = leaving.application
    own.carry("source.manifests.path", "spec.source.path")
    patterns: list[str] = []
    for place, pattern in enumerate(source.exclude):
        at = f"source.manifests.exclude[{place}]"
        if re.search(r"[{},\\\\]", pattern):
            own.drop(at, "such characters mean something else there: rename the files")
        else:
            own.carry(at, "spec.source.directory.exclude")
            patterns += _globs(pattern)
    own.carry("source.manifests", "spec.source.path")
    together = patterns[0] if len(patterns) == 1 else f"{{{','.join(patterns)}}}"
    return {"recurse": True, **({"exclude": together} if patterns else {})}


def _globs(pattern: str) -> list[str]:
    """As Argo CD matches a path from its folder on: `*` stands for slashes as well, there is no `**`, and a folder does
    not stand for what it holds."""
    anywhere = "" if "/" in pattern.rstrip("/") else "**/"
    first, *rest = f"{anywhere}{pattern.strip('/')}".split("**/")
    found = [first]
    for piece in rest:
        ways = ("",) if piece.startswith("*") else ("", "*/")
        found = [f"{before}{way}{piece}" for before in found for way in ways]
    return [*found, *(f"{one}/*" for one in found if not one.endswith("*"))]


def _packed(leaving: outward.Leaving, source: targets.Chart, archive: targets.ChartArchive) -> document.Json:
    own, under = leaving.application, "spec.sources[0]" if source.values_files else "spec.source"
    own.carry("source.chart.repository", f"{under}.repoURL", "a private one: argocd repo add --type helm")
    own.carry("source.chart.name", f"{under}.chart")
    own.carry("source.chart.version", f"{under}.targetRevision")
    return {
        "repoURL": archive.repository.removeprefix("oci://"),
        "chart": archive.name,
        "targetRevision": archive.version,
        "helm": _helm(leaving, source, root="$values/"),
    }


def _helm(leaving: outward.Leaving, source: targets.Chart, *, root: str) -> document.Json:
    """`root`: what a path begins with that counts from the repository's root."""
    for word, to in (("release", "releaseName"), ("valuesFiles", "valueFiles"), ("values", "valuesObject")):
        leaving.application.carry(f"source.chart.{word}", f"helm.{to}")
    files: list[document.JsonValue] = [f"{root}{path}" for path in source.values_files]
    values = document.decode(source.values)
    return {
        "releaseName": source.release,
        **({"valueFiles": files} if files else {}),
        **({"valuesObject": values} if values else {}),
    }


def _ignored(leaving: outward.Leaving) -> list[document.JsonValue]:
    """`keepLive` as well: a chart that generates a password would do so at every sync."""
    found = leaving.ignored("ignore", _IGNORED, because="", unfit=_unfit)
    found += leaving.ignored("keepLive", _IGNORED, because="what somebody takes away is not made again", unfit=_unfit)
    rules: list[document.JsonValue] = []
    for rule, pointers in found:
        kind, _, group = document.text(rule, "kind").partition(".")
        named = {word: rule[word] for word in ("name", "namespace") if rule.get(word, "*") != "*"}
        rules.append({**({"group": group} if group else {}), "kind": kind, **named, "jsonPointers": pointers})
    return rules


def _unfit(rule: document.Json) -> str:
    for word in ("name", "namespace"):
        if (text := document.text(rule, word)).endswith("*") and text != "*":
            return f"{text} is no {word}: it knows no patterns; write one rule for each"
    return ""
