"""What Flux and Argo CD have alike."""

import posixpath

from reconciler.model import document
from reconciler.settings import rendered, shared, values
from reconciler.settings.peers import fates

HEADER: document.Json = {"apiVersion": "reconciler.dev/v1", "kind": "Application"}
DISK = "config/deployment-config.yaml"
OWN_REPOSITORY = f"an application lies in the repository that it reads: environments.NAME.repository of {DISK}"
STATE = "it is what the other tool found out, no desired state"


def from_root(path: str) -> str:
    """`./apps/web/` → `/apps/web`."""
    return "/" + posixpath.normpath(f"/{path}").lstrip("/")


def finish(reading: fates.Reading, *, name: str, source: document.Json, adopt: list[str]) -> fates.Imported:
    """The application's settings, in the order in which people write them."""
    reading.drop("status", STATE)
    reading.drop("metadata", "labels, annotations and namespace are those of the other tool's object")
    made: document.Json = {**HEADER}
    if "namespace" in reading.settings:
        made["namespace"] = reading.settings.pop("namespace")
    by: list[document.JsonValue] = [*adopt]
    made |= {"source": source, "adopt": {"from": by}, **reading.settings}
    its = reading.body
    place = "/".join(part for part in (document.text(its, "metadata", "namespace"), name) if part)
    said = f"{document.text(its, 'kind')} {place}"
    return fates.Imported(said, name, made, reading.fates(), tuple(f"{said}: {one}" for one in reading.refused))


def deadline(reading: fates.Reading, path: str) -> None:
    """Their time-out of health checks is our deadline, as far as it is within its bounds."""
    found = reading.at(*path.split("."))
    try:
        shared.DEADLINE.parse(found)
    except ValueError as error:
        reading.drop(path, f"verify.progressDeadline cannot be that: {error}")
        return
    reading.settings["verify"] = {"progressDeadline": found}
    reading.carry(path, "verify.progressDeadline", "time without progress, begun anew by each progress")


def depends_on(reading: fates.Reading) -> None:
    """By name; an application waits for others of its own environment."""
    names: list[document.JsonValue] = []
    own = reading.text("metadata", "namespace")
    for place, one in enumerate(document.items(reading.body, "spec", "dependsOn")):
        at = f"spec.dependsOn[{place}]"
        name = document.text(one, "name") if isinstance(one, dict) else ""
        space = document.text(one, "namespace") if isinstance(one, dict) else ""
        if not name or space not in ("", own):
            reading.drop(at, "an application waits for others of its own environment alone, by name")
            continue
        names.append(name)
        reading.carry(f"{at}.name", "dependsOn", "good with what it reads at the same revision, and healthy")
        reading.drop(at, "it is looked for in the same environment")
    reading.drop("spec.dependsOn", "it is empty")
    if names:
        reading.settings["dependsOn"] = names


def prune(reading: fates.Reading, path: str, *, wanted: bool) -> None:
    if wanted:
        reading.carry(path, "prune", f"what leaves Git is always pruned, within the limits of environments in {DISK}")
    else:
        reading.settings["prune"] = {"count": 0}
        reading.carry(path, "prune.count", "what leaves Git waits for a person: reconciler confirm")


def archive(reading: fates.Reading, *, repository: str, name: str, version: str, at: str) -> document.Json:
    """`source.chart` of a chart repository. `at`: the path of the version, for what is refused."""
    try:
        place = rendered.chart_place(repository)
    except ValueError as error:
        reading.refused.append(f"the repository of the chart {error}")
        place = ""
    try:
        rendered.exact_version(version)
    except ValueError as error:
        reading.refused.append(f"{at}: {error}")
    return {"repository": place, "name": name, "version": version}


def name_of(reading: fates.Reading) -> str:
    """Theirs, which becomes the folder's."""
    name = reading.text("metadata", "name")
    try:
        values.grammar(values.NAME, title="name", remedy="rename it").parse(name)
    except ValueError as error:
        reading.refused.append(f"metadata.name: {error}")
    reading.carry("metadata.name", "the folder's name")
    return name
