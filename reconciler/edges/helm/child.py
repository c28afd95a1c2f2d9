"""Inside the box: reads requests from standard input, templates charts with Helm, answers on standard output.

Runs as a script of its own (`python -I child.py '<limits as JSON>'`) in an empty folder, knows no other module of this
project and lives until its input ends. Before the first request it gives up what it can: resources, network, the
file system outside its folder, its user. What the platform did not let it give up is missing from `isolation` in its
greeting. A frame is four bytes of length, big-endian, and that much JSON; the contents of a request's files follow it.
"""

import contextlib
import ctypes
import gzip
import io
import json
import os
import re
import resource
import shutil
import sys
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 38, 9
NOBODY = 65534
WORK, PROBE = "work", "probe"
SCHEMA = "values.schema.json"
ARCHIVES = (".tgz", ".tar.gz")
ARCHIVE_DEPTH = 4  # charts packed into charts packed into …
LOCAL_DIALECT = re.compile(r"https?://json-schema\.org/draft(-0[467]|/20(19-09|20-12))/schema#?")
"""Meta-schemas that Helm's validator carries inside; any other `$schema` it would fetch."""


class Refused(Exception):  # noqa: N818 - an answer to the request, not a failure of the box
    """The chart cannot be rendered; the text is a sentence with the repository's path."""


# --- giving up what a renderer does not need --------------------------------------------------------------------------


def limit_resources(limits: dict[str, int]) -> None:
    """CPU seconds and address space (bytes) of the child's whole life, no core dumps, files no larger than a request.

    Go alone reserves 1.8 GiB of address space of which it uses little; below that it does not start.
    """
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["request"]),
        (resource.RLIMIT_NOFILE, 256),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


def leave_network() -> bool:
    """An own, empty network namespace; without the right to make one, within an own user namespace.

    Must come before Helm is loaded: its Go threads would forbid a new user namespace.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return False
    if libc.unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0:
        return True
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0:
        return False
    # A root without capabilities may not map itself; it goes on as nobody of its namespace.
    with contextlib.suppress(OSError):
        for name, text in (("setgroups", "deny"), ("gid_map", f"0 {group} 1"), ("uid_map", f"0 {user} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    return True


def leave_file_system() -> bool:
    """The child's own folder becomes its root. Must come after Helm and every module is loaded."""
    try:
        os.chroot(".")
    except OSError:
        return False
    os.chdir("/")
    return True


def leave_user(*, processes: int) -> bool:
    """From root to nobody, with a bound on processes and threads, which Go needs a few of."""
    if os.geteuid() != 0:
        return False
    try:
        os.chown(".", NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        return False  # root of a user namespace has only itself
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    return True


def die_with_the_daemon() -> None:
    """A daemon that was killed cannot kill its children. After the change of user, which forgets this."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


# --- frames -----------------------------------------------------------------------------------------------------------


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes; ends the child when the daemon closed the pipe."""
    data = stream.read(size)
    if len(data) != size:
        raise SystemExit(0)
    return data


def read_header(stream: BinaryIO) -> dict[str, Any]:
    """The JSON of the next frame."""
    header: dict[str, Any] = json.loads(read_exactly(stream, int.from_bytes(read_exactly(stream, 4), "big")))
    return header


def write(stream: BinaryIO, answer: dict[str, Any]) -> None:
    """One frame."""
    body = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


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
        raise Refused(f"{where}: archives within archives, more than {ARCHIVE_DEPTH} deep; unpack the subchart")
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
        raise Refused(f"{where}: not a chart archive ({error}); package the subchart again") from error


def refuse_remote_schemas(folder: str) -> None:
    """Helm's schema validator fetches `$ref`s over http and reads them from files: only references within a schema."""
    for path, content in schemas(folder):
        try:
            open_nodes: list[Any] = [json.loads(content)]
        except (ValueError, RecursionError) as error:
            raise Refused(f"{path}: no JSON schema ({type(error).__name__}); correct the file") from error
        while open_nodes:
            node = open_nodes.pop()
            if isinstance(node, list):
                open_nodes += node
            elif isinstance(node, dict):
                open_nodes += node.values()
                for key in ("$ref", "$dynamicRef", "$recursiveRef"):
                    if isinstance(node.get(key), str) and not node[key].startswith("#"):
                        raise Refused(f"{path}: {key} leads out of the schema; copy what it needs into the file")
                dialect = node.get("$schema")
                if isinstance(dialect, str) and not LOCAL_DIALECT.fullmatch(dialect):
                    raise Refused(f"{path}: $schema would be fetched; name a draft of json-schema.org")


# --- rendering --------------------------------------------------------------------------------------------------------


def unpack(stream: BinaryIO, files: list[tuple[str, int]]) -> None:
    """Write the files that follow the header below `work`; the parent has checked their paths."""
    os.mkdir(WORK)
    for path, size in files:
        content = read_exactly(stream, size)
        os.makedirs(os.path.dirname(os.path.join(WORK, path)), exist_ok=True)
        with open(os.path.join(WORK, path), "xb") as file:
            file.write(content)


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

    def __init__(self) -> None:
        import helm_python  # only here: its threads come after the namespaces
        from helm_python import _native  # the public wrapper does not pass kube_version and api_versions on

        self._helm, self._native = helm_python, _native
        self.version = helm_python.helm_sdk_version()

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
            raise Refused(f"{path}/Chart.yaml: a library chart cannot be installed; name the chart that uses it")
        there = {found["name"] for found in chart.dependencies}
        for wanted in metadata.get("dependencies") or ():
            if wanted["name"] not in there:
                source = f" from {wanted['repository']}" if wanted.get("repository") else ""
                raise Refused(
                    f"{path}/Chart.yaml: dependency {wanted['name']} {wanted.get('version', '')}{source} is not in "
                    f"{path}/charts/, and nothing is downloaded; run helm dependency build and commit the result"
                )
        constraint = metadata.get("kubeVersion")
        if constraint and not self._fits(constraint, kube_version):
            raise Refused(f"{path}/Chart.yaml: wants Kubernetes {constraint}, the cluster has {kube_version}")

    def render(self, request: dict[str, Any]) -> str:
        """Custom resource definitions first, then every template by its path, each below a `# Source:` comment."""
        path = request["chart"] or "."
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
            raise Refused(f"{path}: {in_the_repository(str(error), chart=name, path=path)}") from error
        parts = [(found["filename"], found["data"]) for found in definitions]
        parts += sorted(item for item in rendered.items() if not item[0].endswith("/NOTES.txt"))
        return "".join(f"---\n# Source: {where}\n{text}\n" for where, text in parts if text.strip())


def in_the_repository(text: str, *, chart: str, path: str) -> str:
    """Helm names templates by the chart's name, people look for their path. Bounded: recursion repeats itself."""
    if chart:
        text = re.sub(rf"(?<![\w./-]){re.escape(chart)}/(?=templates/|charts/|crds/)", lambda _: f"{path}/", text)
    text = text.strip()
    return text if len(text) <= 2_000 else f"{text[:1_000]} … {text[-1_000:]}"


def answer(helm: Helm, request: dict[str, Any], *, output: int) -> dict[str, Any]:
    """`{"text": …}` or `{"refused": …}`."""
    os.chdir(WORK)
    try:
        text = helm.render(request)
    except Refused as refused:
        return {"refused": str(refused)}
    finally:
        os.chdir("..")
    if len(text) > output:
        return {"refused": f"{request['chart']}: renders to more than {output} bytes; split the chart"}
    return {"text": text}


def main() -> None:
    """Give up rights, greet, answer requests until the input ends."""
    limits: dict[str, int] = json.loads(sys.argv[1])
    requests, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get among the frames
    limit_resources(limits)
    isolation = ["network"] if leave_network() else []
    helm = Helm()
    write_probe()
    isolation += ["files"] if leave_file_system() else []
    isolation += ["user"] if leave_user(processes=limits["processes"]) else []
    die_with_the_daemon()
    write(answers, {"helm": helm.version, "isolation": isolation})
    while True:
        request = read_header(requests)
        shutil.rmtree(WORK, ignore_errors=True)
        unpack(requests, request["files"])
        write(answers, answer(helm, request, output=limits["output"]))


if __name__ == "__main__":
    main()
