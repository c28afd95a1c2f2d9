"""
Which fields of Kubernetes' API types are not shown when they are zero.

OpenAPI does not say it: to Go `hostNetwork: false` and no `hostNetwork` are the same, `replicas: 0` and no `replicas`
are not, because that one is a pointer. So it is read from the source of the types, at the version of go.mod.
"""

import pathlib
import re
import subprocess

import build  # beside this file

MODULES = ("k8s.io/api", "k8s.io/apimachinery", "k8s.io/apiextensions-apiserver", "k8s.io/kube-aggregator")
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
SCALAR = re.compile(r"^type (\w+) (?:string|bool|u?int\d*|float\d+)\b", re.MULTILINE)
FIELD = re.compile(r"^\s*\w+\s+([\w.]+)\s+`json:\"(\w+),omitempty", re.MULTILINE)
SCALARS = re.compile(r"string|bool|u?int\d*|float\d+")


def fields(schema: str) -> set[str]:
    """Of the schema with this name (`io.k8s.api.core.v1.EnvVar`), the fields that are absent when they are zero."""
    package, _, name = schema.removeprefix("io.k8s.").rpartition(".")
    module, _, path = package.partition(".")
    return _package(f"k8s.io/{module}", path.replace(".", "/")).get(name, set())


_packages: dict[tuple[str, str], dict[str, set[str]]] = {}
_folders: dict[str, pathlib.Path] = {}


def _package(module: str, path: str) -> dict[str, set[str]]:
    """By the name of a struct."""
    if (module, path) not in _packages:
        sources = [found.read_text() for found in sorted((_folder(module) / path).glob("*.go"))]
        scalars = {name for source in sources for name in SCALAR.findall(source)}
        _packages[module, path] = {
            name: {field for sort, field in FIELD.findall(body) if sort in scalars or SCALARS.fullmatch(sort)}
            for source in sources
            for name, body in STRUCT.findall(source)
        }
    return _packages[module, path]


def _folder(module: str) -> pathlib.Path:
    if not _folders:
        command = [
            build.go_command(build.CONTROL_PLANE, build.cache_folder()),
            "list",
            "-m",
            "-f",
            "{{.Path}} {{.Dir}}",
        ]
        run = subprocess.run(
            [*command, *MODULES],
            cwd=build.HERE,
            env=build.environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        _folders.update(
            {line.split(" ", 1)[0]: pathlib.Path(line.split(" ", 1)[1]) for line in run.stdout.splitlines()}
        )
    return _folders[module]
