"""Helm in the box: templates charts with the SDK. What it looks at before Helm does, and how it asks Helm."""

import gzip
import io
import json
import os
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any

from reconciler.edges.boxed import inside

PROBE = "probe"
SCHEMA = "values.schema.json"
ARCHIVES = (".tgz", ".tar.gz")
ARCHIVE_DEPTH = 4  # charts packed into charts packed into …
LOCAL_DIALECT = re.compile(r"https?://json-schema\.org/(draft-0[467]/|draft/20(19-09|20-12)/)?schema#?")
"""Meta-schemas that Helm's validator carries inside; without a draft the latest, as in Bitnami's charts. Any other
`$schema` it would fetch."""


# --- what Helm would fetch or read elsewhere --------------------------------------------------------------------------


def schemas(folder: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of every values schema below `folder`, also of those in packed subcharts."""
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            if name == SCHEMA or name.endswith(ARCHIVES):
                with open(path, "rb") as file:
                    content = file.read()
                yield from [(path, content)] if name == SCHEMA else packed_schemas(path, content, depth=1)


def packed_schemas(where: str, content: bytes, *, depth: int) -> Iterator[tuple[str, bytes]]:
    """The same within one archive; nothing is unpacked to disk."""
    if depth > ARCHIVE_DEPTH:
        raise inside.Refused(f"{where}: archives within archives, more than {ARCHIVE_DEPTH} deep; unpack the subchart")
    try:
        with tarfile.open(fileobj=gzip.GzipFile(fileobj=io.BytesIO(content)), mode="r:") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith((SCHEMA, *ARCHIVES)):
                    file = archive.extractfile(member)
                    data = file.read() if file else b""
                    path = f"{where}!{member.name}"
                    if member.name.endswith(SCHEMA):
                        yield path, data
                    else:
                        yield from packed_schemas(path, data, depth=depth + 1)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise inside.Refused(f"{where}: not a chart archive ({error}); package the subchart again") from error


def refuse_remote_schemas(folder: str) -> None:
    """Helm's schema validator fetches `$ref`s over http and reads them from files: only references within a schema."""
    for path, content in schemas(folder):
        try:
            open_nodes: list[Any] = [json.loads(content)]
        except (ValueError, RecursionError) as error:
            raise inside.Refused(f"{path}: no JSON schema ({type(error).__name__}); correct the file") from error
        while open_nodes:
            node = open_nodes.pop()
            if isinstance(node, list):
                open_nodes += node
            elif isinstance(node, dict):
                open_nodes += node.values()
                for key in ("$ref", "$dynamicRef", "$recursiveRef"):
                    if isinstance(node.get(key), str) and not node[key].startswith("#"):
                        raise inside.Refused(f"{path}: {key} leads out of the schema; copy what it needs into the file")
                dialect = node.get("$schema")
                if isinstance(dialect, str) and not LOCAL_DIALECT.fullmatch(dialect):
                    raise inside.Refused(f"{path}: $schema would be fetched; name a draft of json-schema.org")


# --- rendering --------------------------------------------------------------------------------------------------------


def write_probe() -> None:
    """A chart that compares versions as Helm does."""
    os.makedirs(f"{PROBE}/templates")
    for path, text in (
        ("Chart.yaml", "apiVersion: v2\nname: probe\nversion: 0.0.1\n"),
        ("templates/probe.yaml", "{{ semverCompare .Values.wanted .Values.found }}"),
    ):
        with open(f"{PROBE}/{path}", "w") as file:
            file.write(text)


class Helm:
    """The SDK's few functions that touch neither cluster nor network."""

    confinable = True

    def __init__(self, limits: dict[str, int]) -> None:
        """The limits hold for the child as a whole: Helm needs to know none of them."""
        import helm_python  # only here: its threads come after the namespaces
        from helm_python import _native  # the public wrapper does not pass kube_version and api_versions on

        self._helm, self._native = helm_python, _native
        self.version = helm_python.helm_sdk_version()
        write_probe()

    def _templates(self, chart: Any, values: dict[str, Any], options: dict[str, Any]) -> dict[str, str]:
        rendered: dict[str, str] = json.loads(
            self._native.call_string("helm_render", chart._raw(), json.dumps(values), json.dumps(options))
        )
        return rendered

    def _fits(self, wanted: str, found: str) -> bool:
        with self._helm.Chart.load(f"../{PROBE}") as probe:
            rendered = self._templates(probe, {"wanted": wanted, "found": found}, {})
        return rendered["probe/templates/probe.yaml"] == "true"

    def _check(self, chart: Any, path: str, *, kube_version: str) -> None:
        """What `helm template` refuses before it templates."""
        metadata = chart.metadata
        if metadata.get("type") == "library":
            raise inside.Refused(f"{path}/Chart.yaml: a library chart cannot be installed; name the chart that uses it")
        there = {found["name"] for found in chart.dependencies}
        for wanted in metadata.get("dependencies") or ():
            if wanted["name"] not in there:
                source = f" from {wanted['repository']}" if wanted.get("repository") else ""
                raise inside.Refused(
                    f"{path}/Chart.yaml: dependency {wanted['name']} {wanted.get('version', '')}{source} is not in "
                    f"{path}/charts/, and nothing is downloaded; run helm dependency update and commit the result"
                )
        constraint = metadata.get("kubeVersion")
        if constraint and not self._fits(constraint, kube_version):
            raise inside.Refused(f"{path}/Chart.yaml: wants Kubernetes {constraint}, the cluster has {kube_version}")

    def render(self, request: dict[str, Any]) -> str:
        """Custom resource definitions first, then every template by its path, each below a `# Source:` comment."""
        path = request["path"] or "."
        name = ""
        try:
            self._helm.validate_release_name(request["release"])
            refuse_remote_schemas(path)
            with self._helm.Chart.load(path) as chart:
                name = chart.name
                self._check(chart, path, kube_version=request["kube_version"])
                options = {
                    "name": request["release"],
                    "namespace": request["namespace"],
                    "kube_version": request["kube_version"],
                    "api_versions": request["api_versions"],
                }
                rendered = self._templates(chart, request["values"], options)
                definitions = chart.crds  # after rendering: subcharts that are switched off are gone
        except self._helm.HelmError as error:
            raise inside.Refused(f"{path}: {in_the_repository(str(error), chart=name, path=path)}") from error
        parts = [(found["filename"], found["data"]) for found in definitions]
        parts += sorted(item for item in rendered.items() if not item[0].endswith("/NOTES.txt"))
        return "".join(f"---\n# Source: {where}\n{text}\n" for where, text in parts if text.strip())


def in_the_repository(text: str, *, chart: str, path: str) -> str:
    """Helm names templates by the chart's name, people look for their path. Bounded: recursion repeats itself."""
    if chart:
        text = re.sub(rf"(?<![\w./-]){re.escape(chart)}/(?=templates/|charts/|crds/)", lambda _: f"{path}/", text)
    text = text.strip()
    return text if len(text) <= 2_000 else f"{text[:1_000]} … {text[-1_000:]}"


if __name__ == "__main__":
    inside.serve(Helm)
