"""Argo CD: `Application` v1alpha1."""

import re

from reconciler import yamltext
from reconciler.model import document
from reconciler.settings.peers import common, fates

ALWAYS = {
    "ServerSideApply=true": "every apply is a server-side apply",
    "ApplyOutOfSyncOnly=true": "only what differs is applied",
    "PruneLast=true": "prune is always last, once everything is healthy",
    "Validate=true": "everything is dry-run by the server before the first write",
    "RespectIgnoreDifferences=true": "what is ignored is never written either",
}
_REST = {
    "operation": common.STATE,
    "spec.source.repoURL": common.OWN_REPOSITORY,
    "spec.source.targetRevision": f"one ref for each repository: repositories.NAME.ref of {common.DISK}",
    "spec.source.helm": "write it into source.chart.values",
    "spec.source.kustomize": "write it into the kustomization.yaml",
    "spec.source.directory": "all *.yaml, *.yml and *.json below the folder are read",
    "spec.source.plugin": "there are no plugins: plain YAML, Kustomize and Helm",
    "spec.source.ref": "an application has one source",
    "spec.destination": f"the cluster is that of the environment in {common.DISK}",
    "spec.project": f"what is allowed where is in {common.DISK}: namespaces, clusterKinds, limits",
    "spec.syncPolicy.retry": "what failed for no fault of the release is tried again with back-off",
    "spec.syncPolicy.syncOptions": "there is no such switch; what Replace and Force are for: docs/how-to/replace.md",
    "spec.syncPolicy.managedNamespaceMetadata": "write the Namespace among the manifests",
    "spec.syncPolicy.automated": "every commit is deployed; who wants to wait: reconciler pause",
    "spec.ignoreDifferences": "ignore takes paths of fields, by kind and name",
    "spec.info": "write a comment",
    "spec.revisionHistoryLimit": "history is Git's and the journal's",
}


def application(body: document.Json) -> fates.Imported:
    reading = fates.Reading(body)
    name = common.name_of(reading)
    if reading.at("spec", "sources") is not None:
        reading.refused.append("spec.sources: an application has one source; make one application of each")
        reading.drop("spec.sources", "an application has one source")
    source = _source(reading)
    reading.carry("apiVersion", "source")
    reading.carry("kind", "source")
    if reading.text("spec", "destination", "namespace"):
        reading.settings["namespace"] = reading.text("spec", "destination", "namespace")
        reading.carry("spec.destination.namespace", "namespace", "of objects that name none; others keep theirs")
    _sync(reading)
    _ignored(reading)
    reading.drops(_REST)
    return common.finish(reading, name=name, source=source, adopt=["argocd", "kubectl"])


def _source(reading: fates.Reading) -> document.Json:
    its = document.mapping(reading.body, "spec", "source")
    path = common.from_root(document.text(its, "path"))
    if "chart" in its or "helm" in its:
        return {"chart": _chart(reading, its, path)}
    if "kustomize" in its:
        reading.carry("spec.source.path", "source.kustomize.path", "name bases outside of it in reads")
        if not its["kustomize"]:
            reading.carry("spec.source.kustomize", "source.kustomize")
        return {"kustomize": {"path": path}}
    reading.carry(
        "spec.source.path",
        "source.manifests.path",
        "Argo CD looks what a folder holds: write source.kustomize or source.chart if it is one",
    )
    made: document.Json = {"path": path}
    if document.at(its, "directory", "recurse") is True:
        reading.carry("spec.source.directory.recurse", "source.manifests", "folders below are always read")
    exclude = document.text(its, "directory", "exclude")
    if exclude and re.fullmatch(r"[\w./*-]+|\{[\w./*-]+(,[\w./*-]+)*\}", exclude):
        made["exclude"] = [*exclude.strip("{}").split(",")]
        reading.carry("spec.source.directory.exclude", "source.manifests.exclude")
    return {"manifests": made}


def _chart(reading: fates.Reading, its: document.Json, path: str) -> document.Json:
    if "chart" in its:
        url, version = document.text(its, "repoURL"), document.text(its, "targetRevision")
        place = url if "://" in url else f"oci://{url}"
        chart = common.archive(
            reading,
            repository=place,
            name=document.text(its, "chart"),
            version=version,
            at="spec.source.targetRevision",
        )
        reading.carry(
            "spec.source.repoURL", "source.chart.repository", f"list it in chartRepositories of {common.DISK}"
        )
        reading.carry("spec.source.chart", "source.chart.name")
        reading.carry("spec.source.targetRevision", "source.chart.version", "a digest is asked for by the first hold")
    else:
        chart = {"path": path.removeprefix("/")}
        reading.carry("spec.source.path", "source.chart.path")
        files = document.items(its, "helm", "valueFiles")
        taken: list[document.JsonValue] = []
        for place_in, one in enumerate(files):
            if isinstance(one, str) and "$" not in one and "://" not in one:
                taken.append(one if one.startswith("/") else common.from_root(f"{path}/{one}"))
                reading.carry(f"spec.source.helm.valueFiles[{place_in}]", "source.chart.valuesFiles")
        if taken:
            chart["valuesFiles"] = taken
    chart["release"] = document.text(its, "helm", "releaseName") or reading.text("metadata", "name")
    reading.carry("spec.source.helm.releaseName", "source.chart.release")
    given = document.at(its, "helm", "valuesObject")
    if isinstance(given, dict):
        reading.carry("spec.source.helm.valuesObject", "source.chart.values")
        reading.drop("spec.source.helm.values", "valuesObject is there, and wins")
    elif text := document.text(its, "helm", "values"):
        given, _ = yamltext.load_with_positions(text, "spec.source.helm.values")
        reading.carry("spec.source.helm.values", "source.chart.values")
    if isinstance(given, dict) and given:
        chart["values"] = given
    return chart


def _sync(reading: fates.Reading) -> None:
    automated = reading.at("spec", "syncPolicy", "automated")
    at = "spec.syncPolicy.automated"
    if isinstance(automated, dict):
        heals = automated.get("selfHeal") is True
        reading.settings["drift"] = "heal" if heals else "warn"
        reading.carry(f"{at}.selfHeal", "drift")
        common.prune(reading, f"{at}.prune", wanted=automated.get("prune") is True)
        if automated.get("enabled") is True:
            reading.carry(f"{at}.enabled", "always so", "every commit is deployed")
        reading.drop(f"{at}.allowEmpty", "an application that renders to nothing holds: unknown is not empty")
        if not automated:
            reading.carry(at, "drift", "every commit is deployed; drift is only reported")
    for place, option in enumerate(document.items(reading.body, "spec", "syncPolicy", "syncOptions")):
        if because := ALWAYS.get(str(option)):
            reading.carry(f"spec.syncPolicy.syncOptions[{place}]", "always so", because)
        elif option == "CreateNamespace=true":
            reading.drop(f"spec.syncPolicy.syncOptions[{place}]", "write the Namespace among the manifests")


def _ignored(reading: fates.Reading) -> None:
    """By JSON pointer; what is found by a query is no path."""
    taken: list[document.JsonValue] = []
    for place, one in enumerate(document.items(reading.body, "spec", "ignoreDifferences")):
        pointers = document.items(one, "jsonPointers") if isinstance(one, dict) else []
        if not isinstance(one, dict) or not pointers or not document.text(one, "kind"):
            continue
        kind = ".".join(part for part in (document.text(one, "kind"), document.text(one, "group")) if part)
        names = {word: one[word] for word in ("name", "namespace") if one.get(word)}
        taken.append({"kind": kind, **names, "fields": pointers})
        for word in ("group", "kind", "name", "namespace", "jsonPointers"):
            reading.carry(f"spec.ignoreDifferences[{place}].{word}", "ignore", "never written either, once it is there")
    if taken:
        reading.settings["ignore"] = taken
