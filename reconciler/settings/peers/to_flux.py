"""To Flux: a `Kustomization` v1 or a `HelmRelease` v2, with the sources they name."""

from reconciler.model import document, targets
from reconciler.settings.peers import outward

NAMESPACE = "flux-system"
"""Where Flux itself is, and where `flux create` puts its objects."""
INTERVAL = "10m"
"""Between two looks at the cluster, which is how late drift is undone at most. What Flux' own examples say."""
_ALL = {
    "adopt": "it takes over whatever it renders, without being asked",
    "verify.observe": "a release is good once it is healthy: nothing is observed afterwards",
    "verify.restarts": "restarts fail no release: health and spec.timeout decide",
    "verify.probes": "it asks no HTTP questions: the readiness probes of the pods are all there is",
    "keepLive": "it renders anew and writes what it rendered: name an existing Secret in place of a generated one",
}
_CHECKS = "spec.healthCheckExprs wants the kind with its version: add apiVersion, kind and these expressions there"
_ENVIRONMENT = {
    "promotesFrom": "environments do not wait for each other: a commit comes to all of them at once",
    "namespaces": "what may be written is a matter of the rights of spec.serviceAccountName",
    "clusterKinds": "which kinds may be written is a matter of the rights of spec.serviceAccountName",
}
_DISK = {
    "repositories.REPOSITORY.credentials": "files of this disk: make a Secret of them (flux create secret git), and"
    " name it in spec.secretRef of the GitRepository",
    "repositories.REPOSITORY.signatures": "spec.verify of the GitRepository, with a Secret of the public keys",
    "repositories.REPOSITORY.author": "nothing is ever committed",
    "repositories.REPOSITORY.allowLocal": "it reads no repository of a disk",
    "repositories.REPOSITORY.maxFiles": "the number of files has no limit",
    "repositories.REPOSITORY.maxBytes": "the limits are those of its source controller",
    "environments.ENVIRONMENT.namespaces": _ENVIRONMENT["namespaces"],
    "environments.ENVIRONMENT.clusterKinds": _ENVIRONMENT["clusterKinds"],
    "environments.ENVIRONMENT.impersonate": "spec.serviceAccountName, an account of the namespace it is in itself",
    "environments.ENVIRONMENT.maxLag": "every commit is applied at once",
    "environments.ENVIRONMENT.verify.limits": "nothing bounds what files in Git say",
}
_DEFINITIONS: document.Json = {"crds": "CreateReplace"}
"""What a chart has in `crds/` goes with each of its versions, as it does here; Flux alone would never renew it."""
_REVERT = "environments.ENVIRONMENT.revert"
_DECRYPTION = "environments.ENVIRONMENT.decryption"


def export(given: outward.Given) -> outward.Exported:
    leaving = outward.Leaving(given)
    chart = isinstance(given.target.source, targets.Chart)
    for path in ("apiVersion", "kind", "state"):
        leaving.application.carry(path, f"the {'HelmRelease' if chart else 'Kustomization'}")
        leaving.environment.carry(path, outward.ALWAYS)
    main = _release(leaving, given.target.source) if isinstance(given.target.source, targets.Chart) else _built(leaving)
    spec = document.mapping(main, "spec")
    spec["timeout"] = outward.duration(given.target.verification.progress_deadline)
    leaving.tell(
        "verify.progressDeadline", "spec.timeout", "of the whole release, and not of the time without progress"
    )
    spec["targetNamespace"] = given.target.namespace
    if needs := _needs(leaving, chart=chart):
        spec["dependsOn"] = needs
    leaving.application.carry("reads", outward.ALWAYS)
    leaving.application.carry("strategy", outward.ALWAYS)
    for path, because in _ALL.items():
        leaving.tell(path, "", because)
    for path, because in _ENVIRONMENT.items():
        leaving.environment.drop(path, because)
    sources = [*([] if _archived(given.target) else [_repository(leaving)]), *_charts(given.target)]
    _disk(leaving)
    return leaving.finish(*sources, main)


def _header(kind: str, name: str, *, version: str) -> document.Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}


def _archived(target: targets.Target) -> bool:
    return isinstance(target.source, targets.Chart) and target.source.archive is not None


def _repository(leaving: outward.Leaving) -> document.Json:
    given = leaving.given
    spec: document.Json = {
        "interval": outward.duration(given.poll),
        "timeout": outward.duration(given.timeout),
        "url": given.url,
        "ref": {"branch": given.ref.removeprefix("refs/heads/")},
    }
    for path, to in (("url", "url"), ("ref", "ref"), ("poll", "interval"), ("timeout", "timeout")):
        leaving.carry_disk(f"repositories.REPOSITORY.{path}", f"GitRepository spec.{to}")
    leaving.carry_disk("environments.ENVIRONMENT.repository", "spec.sourceRef")
    leaving.carry_disk("repositories.REPOSITORY.desiredState", "part of every path")
    header = _header("GitRepository", given.target.repository, version="source.toolkit.fluxcd.io/v1")
    return {**header, "spec": spec}


def _charts(target: targets.Target) -> list[document.Json]:
    """The chart repository of an archive."""
    archive = target.source.archive if isinstance(target.source, targets.Chart) else None
    if archive is None:
        return []
    oci: document.Json = {"type": "oci"} if archive.repository.startswith("oci://") else {}
    name = outward.slug(archive.repository)
    spec: document.Json = {**oci, "interval": "1h", "url": archive.repository}
    return [{**_header("HelmRepository", name, version="source.toolkit.fluxcd.io/v1"), "spec": spec}]


def _disk(leaving: outward.Leaving) -> None:
    if _archived(leaving.target):
        leaving.carry_disk("repositories.REPOSITORY", outward.UNUSED, "the chart is an archive of a chart repository")
        leaving.carry_disk("environments.ENVIRONMENT.repository", outward.UNUSED, "the chart is no content of Git")
    leaving.carry_disk("environments.ENVIRONMENT.cluster", "the cluster that these objects are applied to")
    leaving.of_disk(_DISK)


# --- manifests and kustomizations


def _built(leaving: outward.Leaving) -> document.Json:
    given, source = leaving.given, leaving.target.source
    spec: document.Json = {
        "interval": INTERVAL,
        "path": f"./{source.path}",
        "prune": leaving.prunes,
        "wait": True,
        "sourceRef": {"kind": "GitRepository", "name": given.target.repository},
    }
    own = leaving.application
    own.carry(
        "source.manifests.path", "spec.path", "*.yaml and *.yml alone; a folder with a kustomization.yaml is built"
    )
    own.carry("source.kustomize.path", "spec.path")
    own.drop("source.manifests.exclude", "write it into a .sourceignore file, or list the rest in a kustomization.yaml")
    _variables(leaving, spec)
    for word in ("manifests", "kustomize"):
        own.carry(f"source.{word}", "spec.path")
    leaving.tell(
        "namespace",
        "spec.targetNamespace",
        "of every object, also of those that name another one: look before you apply",
    )
    leaving.prune(
        "spec.prune", unlimited="there is no limit: whatever leaves Git is deleted", off="nothing is ever pruned"
    )
    if given.target.drift is targets.DriftMode.HEAL:
        leaving.tell("drift", outward.ALWAYS, f"undone at the next spec.interval: after {INTERVAL} at most")
    leaving.tell(
        "drift", "", "drift is always undone; annotate what is to stay kustomize.toolkit.fluxcd.io/ssa: Ignore"
    )
    rules: list[document.JsonValue] = [
        {"target": _selector(rule), "paths": pointers}
        for rule, pointers in leaving.ignored("ignore", "spec.ignore", because="from kustomize-controller 1.9 on")
    ]
    if rules:
        spec["ignore"] = rules
    own.drop("verify.healthChecks", _CHECKS)
    leaving.of_disk(
        {
            _REVERT: "a release that fails stays as it is, in the cluster and in Git",
            _DECRYPTION: "make a Secret of the age key, and write spec.decryption: {provider: sops, secretRef: …}",
        }
    )
    return {**_header("Kustomization", given.name, version="kustomize.toolkit.fluxcd.io/v1"), "spec": spec}


def _variables(leaving: outward.Leaving, spec: document.Json) -> None:
    for word in ("manifests", "kustomize"):
        leaving.application.carry(
            f"source.{word}.substitute", "spec.postBuild" if leaving.substitutes else outward.ALWAYS
        )
    if not leaving.substitutes:
        leaving.environment.carry("variables", outward.UNUSED, "the source has no substitute: true")
        return
    for name, _ in leaving.target.variables:
        because = "as text: put ${…} in quotes where it must not become a number or a boolean"
        leaving.tell(f"variables.{name}", f"spec.postBuild.substitute.{name}", because)
    for reading in (leaving.application, leaving.environment):
        reading.carry("variables", "spec.postBuild.substitute")
    texts: document.Json = {name: _text(value) for name, value in leaving.target.variables}
    spec["postBuild"] = {"substitute": texts} if texts else {"substituteStrategy": "Always"}


def _text(value: targets.Variable) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- charts


def _release(leaving: outward.Leaving, source: targets.Chart) -> document.Json:
    given, own = leaving.given, leaving.application
    values = document.decode(source.values) if given.values is None else given.values
    spec: document.Json = {
        "interval": INTERVAL,
        "chart": {"spec": _packed(leaving, source.archive) if source.archive else _folder(leaving, source)},
        "releaseName": source.release,
        "storageNamespace": given.target.namespace,
        "driftDetection": _drift(leaving),
        "install": dict(_DEFINITIONS),
        "upgrade": dict(_DEFINITIONS),
        **({"values": values} if values else {}),
    }
    own.carry("source.chart.release", "spec.releaseName")
    own.carry("source.chart.values", "spec.values")
    leaving.tell("namespace", "spec.targetNamespace")
    leaving.environment.carry("variables", outward.UNUSED, "nothing of a chart stands for them")
    leaving.prune(
        "",
        unlimited="there is no limit: whatever leaves the chart is deleted",
        off="whatever leaves the chart is deleted; annotate what is to stay helm.sh/resource-policy: keep",
    )
    own.drop("verify.healthChecks", f"{_CHECKS}, and spec.waitStrategy: {{name: poller}}")
    leaving.of_disk(
        {
            _REVERT: "spec.upgrade.remediation goes back in the cluster, and never in Git",
            _DECRYPTION: "encrypted values files are not opened: put the values into a Secret named in spec.valuesFrom",
        }
    )
    return {**_header("HelmRelease", given.name, version="helm.toolkit.fluxcd.io/v2"), "spec": spec}


def _drift(leaving: outward.Leaving) -> document.Json:
    mode = "enabled" if leaving.target.drift is targets.DriftMode.HEAL else "warn"
    leaving.tell("drift", "spec.driftDetection.mode")
    because = "drift there is let be, and every upgrade still writes it"
    rules: list[document.JsonValue] = [
        {"target": _selector(rule), "paths": pointers}
        for rule, pointers in leaving.ignored("ignore", "spec.driftDetection.ignore", because=because)
    ]
    return {"mode": mode, **({"ignore": rules} if rules else {})}


def _folder(leaving: outward.Leaving, source: targets.Chart) -> document.Json:
    """A chart of Git. Its own values.yaml is no default any more once values files are named; without `Revision` only a
    new version in Chart.yaml would be a change."""
    own = leaving.application
    own.carry("source.chart.path", "spec.chart.spec.chart")
    own.carry("source.chart.valuesFiles", "spec.chart.spec.valuesFiles")
    defaults = (f"{source.path}/values.yaml",) if leaving.given.defaults else ()
    files: list[document.JsonValue] = [f"./{path}" for path in (*defaults, *source.values_files)]
    return {
        "chart": f"./{source.path}",
        "sourceRef": {"kind": "GitRepository", "name": leaving.target.repository},
        "reconcileStrategy": "Revision",
        **({"valuesFiles": files} if source.values_files else {}),
    }


def _packed(leaving: outward.Leaving, archive: targets.ChartArchive) -> document.Json:
    own = leaving.application
    own.carry(
        "source.chart.repository", "HelmRepository spec.url", "a private one needs a Secret in its spec.secretRef"
    )
    own.carry("source.chart.name", "spec.chart.spec.chart")
    own.carry("source.chart.version", "spec.chart.spec.version")
    own.drop("source.chart.digest", "no archive is pinned: what is published anew under this version is deployed")
    own.carry(
        "source.chart.valuesFiles", "spec.values", "a copy of what the file says now: later commits change nothing"
    )
    return {
        "chart": archive.name,
        "version": archive.version,
        "sourceRef": {"kind": "HelmRepository", "name": outward.slug(archive.repository)},
    }


# --- both


def _needs(leaving: outward.Leaving, *, chart: bool) -> list[document.JsonValue]:
    """A Kustomization waits for Kustomizations, a HelmRelease for HelmReleases."""
    found: list[document.JsonValue] = []
    for index, name in enumerate(document.items(leaving.application.body, "dependsOn")):
        at, need = f"dependsOn[{index}]", leaving.given.needs[str(name)]
        if not need.present:
            leaving.application.carry(at, outward.UNUSED, f"{name} is not present")
        elif need.chart != chart:
            kind, other = ("HelmRelease", "Kustomization") if chart else ("Kustomization", "HelmRelease")
            leaving.application.drop(at, f"a {kind} waits for others of its kind alone, and {name} is a {other}")
        else:
            found.append({"name": need.name})
            leaving.application.carry(at, "spec.dependsOn", f"it waits until there is one: export {name}, too")
    leaving.application.carry("dependsOn", outward.ALWAYS)
    return found


def _selector(rule: document.Json) -> document.Json:
    kind, _, group = document.text(rule, "kind").partition(".")
    named = {"group": group, "name": document.text(rule, "name"), "namespace": document.text(rule, "namespace")}
    patterns: document.Json = {word: _expression(text) for word, text in named.items() if text not in ("", "*")}
    return {**patterns, "kind": kind}


def _expression(text: str) -> str:
    """Flux' words are regular expressions from end to end; `web-*` of ours stands for every name that begins so."""
    return text.replace(".", r"\.").replace("*", ".*")
