"""Flux: `Kustomization` v1 and `HelmRelease` v2, with the sources they name."""

import re
from collections.abc import Mapping

from reconciler import kinds
from reconciler.model import document
from reconciler.settings import rendered
from reconciler.settings.peers import common, fates

Sources = Mapping[tuple[str, str], document.Json]
"""HelmRepository and OCIRepository objects, by kind and name."""

_SHARED = {
    "spec.interval": f"the repository is polled as {common.DISK} says (repositories.NAME.poll); drift is seen at once",
    "spec.retryInterval": "what failed for no fault of the release is tried again with back-off",
    "spec.suspend": "who pauses is no content of Git: reconciler pause ENVIRONMENT/APPLICATION",
    "spec.serviceAccountName": f"rights are those of the cluster's credentials in {common.DISK}",
    "spec.kubeConfig": f"the cluster is that of the environment in {common.DISK}",
}
_KUSTOMIZATION = _SHARED | {
    "spec.sourceRef": common.OWN_REPOSITORY,
    "spec.ignore": "ignore takes JSON pointers, by kind and name",
    "spec.force": "the annotation reconciler.dev/replace on the very object (docs/how-to/replace.md)",
    "spec.healthCheckExprs": "verify.healthChecks: kind, inProgress, failed, current (docs/how-to/health.md)",
    "spec.postBuild.substituteFrom": "variables are declared in Git: variables, here or in environment.yaml",
    "spec.postBuild.substituteStrategy": "a source with substitute: true always does so",
    "spec.decryption": f"SOPS files are opened with environments.NAME.decryption.ageKeyFile of {common.DISK}",
    "spec.patches": "write them into the kustomization.yaml",
    "spec.images": "write them into the kustomization.yaml",
    "spec.components": "write them into the kustomization.yaml",
    "spec.namePrefix": "write it into the kustomization.yaml",
    "spec.nameSuffix": "write it into the kustomization.yaml",
    "spec.commonMetadata": "write it into the kustomization.yaml (labels, commonAnnotations)",
    "spec.deletionPolicy": "an application goes away only by state: absent or state: orphaned",
    "spec.ignoreMissingComponents": "what a kustomization names must be there",
}
_RELEASE = _SHARED | {
    "spec.chart": "the chart is one version, pinned by digest; nothing else of it is asked",
    "spec.chartRef": "the chart is named in source.chart",
    "spec.valuesFrom": "values are content of Git: source.chart.values or valuesFiles",
    "spec.install": "objects are applied by server-side apply; a first release that fails is left or scaled down",
    "spec.upgrade": "a release that fails is taken back to last good, once",
    "spec.rollback": "a release that fails is taken back to last good, in the cluster and in Git",
    "spec.uninstall": "an application goes away only by state: absent or state: orphaned",
    "spec.test": "test hooks are left out, and said",
    "spec.storageNamespace": "there is no Helm release object",
    "spec.maxHistory": "history is Git's and the journal's",
    "spec.persistentClient": "there is no Helm release object",
    "spec.postRenderers": "none runs here: change the chart or its values",
    "spec.driftDetection": "write ignore: in application.yaml for fields that are others' (docs/how-to/helm.md)",
    "spec.commonMetadata": "write it into the chart's values",
}


def kustomization(body: document.Json) -> fates.Imported:
    reading = fates.Reading(body)
    name = common.name_of(reading)
    reading.carry("apiVersion", "source.kustomize")
    reading.carry("kind", "source.kustomize")
    source: document.Json = {"path": common.from_root(reading.text("spec", "path"))}
    reading.carry(
        "spec.path",
        "source.kustomize.path",
        "Flux makes a kustomization.yaml where there is none: write source.manifests then; name bases in reads",
    )
    common.prune(reading, "spec.prune", wanted=reading.at("spec", "prune") is True)
    for path in ("spec.wait", "spec.healthChecks"):
        reading.carry(path, "verify", "the health of every object is always waited for")
    if reading.text("spec", "targetNamespace"):
        reading.settings["namespace"] = reading.text("spec", "targetNamespace")
        reading.carry("spec.targetNamespace", "namespace", "of objects that name none; others keep theirs")
    common.depends_on(reading)
    if reading.at("spec", "timeout") is not None:
        common.deadline(reading, "spec.timeout")
    _checks(reading)
    _ignored(reading, "spec", "ignore")
    if variables := document.mapping(body, "spec", "postBuild", "substitute"):
        reading.settings["variables"] = variables
        source["substitute"] = True
        reading.carry(
            "spec.postBuild.substitute", "variables", "${NAME} alone: ${NAME:=default} and the like are refused"
        )
    reading.drops(_KUSTOMIZATION)
    return common.finish(reading, name=name, source={"kustomize": source}, adopt=["flux", "kubectl"])


def _checks(reading: fates.Reading) -> None:
    """Flux' CEL expressions are asked in the same order here; a kind is named without its version."""
    checks: list[document.JsonValue] = []
    for place, one in enumerate(document.items(reading.body, "spec", "healthCheckExprs")):
        if not isinstance(one, dict) or not document.text(one, "current"):
            continue
        group, slash, _ = document.text(one, "apiVersion").partition("/")
        words = {word: one[word] for word in ("inProgress", "failed", "current") if one.get(word)}
        kind = ".".join((document.text(one, "kind"), *([group] if slash else [])))
        checks.append({"kind": kind, **words})
        reading.carry(f"spec.healthCheckExprs[{place}]", "verify.healthChecks")
    if checks:
        reading.settings["verify"] = {**document.mapping(reading.settings, "verify"), "healthChecks": checks}


def helm_release(body: document.Json, sources: Sources) -> fates.Imported:
    reading = fates.Reading(body)
    name = common.name_of(reading)
    reading.carry("apiVersion", "source.chart")
    reading.carry("kind", "source.chart")
    chart = _chart(reading, sources)
    target = reading.text("spec", "targetNamespace")
    reading.settings["namespace"] = target or reading.text("metadata", "namespace")
    reading.carry("spec.targetNamespace", "namespace")
    if not target:
        reading.carry("metadata.namespace", "namespace", "Helm installs where the HelmRelease is")
    release = reading.text("spec", "releaseName") or "-".join(part for part in (target, name) if part)
    chart["release"] = release
    reading.carry("spec.releaseName", "source.chart.release")
    if values := document.mapping(body, "spec", "values"):
        chart["values"] = values
    reading.carry("spec.values", "source.chart.values")
    common.depends_on(reading)
    if reading.at("spec", "timeout") is not None:
        common.deadline(reading, "spec.timeout")
    _ignored(reading, "spec", "driftDetection", "ignore")
    drift = {"enabled": "heal", "warn": "warn"}.get(reading.text("spec", "driftDetection", "mode"))
    if drift:
        reading.settings["drift"] = drift
        reading.carry("spec.driftDetection.mode", "drift")
    reading.drops(_RELEASE)
    return common.finish(reading, name=name, source={"chart": chart}, adopt=["helm", "flux"])


def _chart(reading: fates.Reading, sources: Sources) -> document.Json:
    if reading.text("spec", "chartRef", "kind") == "OCIRepository":
        name = reading.text("spec", "chartRef", "name")
        found = sources.get(("OCIRepository", name), {})
        place, _, chart = document.text(found, "spec", "url").rstrip("/").rpartition("/")
        reading.carry("spec.chartRef", "source.chart", "with the url and ref of the OCIRepository")
        if not found:
            reading.refused.append(f"the OCIRepository {name} is not among the files; give its file, too")
            return {}
        version = document.text(found, "spec", "ref", "tag")
        return common.archive(reading, repository=place, name=chart, version=version, at="spec.ref.tag")
    kind, name = (reading.text("spec", "chart", "spec", "sourceRef", word) for word in ("kind", "name"))
    chart = reading.text("spec", "chart", "spec", "chart")
    if kind == "GitRepository":
        return _folder(reading, common.from_root(chart))
    if (kind, name) not in sources:
        reading.refused.append(f"the {kind or 'source'} {name} is not among the files; give its file, too")
        return {}
    reading.carry("spec.chart.spec.chart", "source.chart.name")
    reading.carry("spec.chart.spec.version", "source.chart.version", "a digest is asked for by the first hold")
    reading.carry("spec.chart.spec.sourceRef", "source.chart.repository", "with the url of the HelmRepository")
    url = document.text(sources[kind, name], "spec", "url")
    version = reading.text("spec", "chart", "spec", "version")
    return common.archive(reading, repository=url, name=chart, version=version, at="spec.chart.spec.version")


def _folder(reading: fates.Reading, path: str) -> document.Json:
    """A chart of Git. Its own values.yaml, which Flux wants to be named beside others, is read in any case."""
    reading.carry("spec.chart.spec.chart", "source.chart.path")
    named = [common.from_root(str(one)) for one in document.items(reading.body, "spec", "chart", "spec", "valuesFiles")]
    reading.carry("spec.chart.spec.valuesFiles", "source.chart.valuesFiles")
    files: list[document.JsonValue] = [one for one in named if one != f"{path}/values.yaml"]
    return {"path": path.removeprefix("/"), **({"valuesFiles": files} if files else {})}


def _ignored(reading: fates.Reading, *at: str) -> None:
    """By JSON pointer; a pattern of names that is more than a beginning is none of ours."""
    taken: list[document.JsonValue] = []
    for place, one in enumerate(document.items(reading.body, *at)):
        target = document.mapping(one, "target") if isinstance(one, dict) else {}
        pointers = document.items(one, "paths") if isinstance(one, dict) else []
        named: document.Json = {
            word: _pattern(document.text(target, word)) for word in ("name", "namespace") if word in target
        }
        selectors = target.keys() & {"version", "labelSelector", "annotationSelector"}
        kind = _kind(target)
        if not pointers or not kind or selectors or not all(named.values()) or not all(map(_is_path, pointers)):
            continue
        taken.append({"kind": kind, **named, "fields": pointers})
        reading.carry(f"{'.'.join(at)}[{place}]", "ignore", "never written either, once it is there")
    if taken:
        reading.settings["ignore"] = taken


def _kind(target: document.Json) -> str:
    """Flux may leave the group out, and means any then; here it is part of the kind. '' where it is not known, or an
    expression for several."""
    name, group = document.text(target, "kind"), document.text(target, "group").replace("\\", "")
    if group:
        return f"{name}.{group}" if re.fullmatch(r"[A-Z][A-Za-z0-9]*/[a-z0-9.-]+", f"{name}/{group}") else ""
    known = [str(key) for key in kinds.KINDS if key.kind == name]
    return known[0] if len(known) == 1 else ""


def _pattern(expression: str) -> str:
    """A regular expression as a name or the beginning of one; '' where it is more than that."""
    plain = expression.removesuffix(".*").replace("\\.", ".")
    pattern = f"{plain}{'*' if expression.endswith('.*') else ''}"
    return pattern if re.fullmatch(r"[A-Za-z0-9][-A-Za-z0-9.:]*\*?|\*", pattern) else ""


def _is_path(pointer: document.JsonValue) -> bool:
    try:
        return bool(rendered.field_path(pointer))
    except ValueError:
        return False


def source(body: document.Json) -> fates.Imported:
    """A HelmRepository or OCIRepository: read for the releases that name it."""
    reading = fates.Reading(body)
    for path in ("apiVersion", "kind", "metadata.name"):
        reading.carry(path, "source.chart", "of the releases that name it")
    reading.carry("spec.url", "source.chart.repository", f"list it in chartRepositories of {common.DISK}, too")
    reading.carry("spec.ref.tag", "source.chart.version")
    reading.drop(
        "spec", f"credentials and trust of chart repositories are in {common.DISK}; nothing is polled for them"
    )
    reading.drop("metadata", "it is no object of ours")
    reading.drop("status", common.STATE)
    return fates.Imported(
        f"{document.text(body, 'kind')} {document.text(body, 'metadata', 'name')}", "", {}, reading.fates()
    )
