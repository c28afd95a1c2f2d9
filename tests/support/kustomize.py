"""The kustomize of the tests: built when a test first asks for it, see tests/kustomize-binary/build.py."""

import functools
import pathlib
import subprocess
import sys

KIT = pathlib.Path(__file__).parents[1] / "kustomize-binary"


@functools.cache
def binary() -> pathlib.Path:
    """The cached binary; its folder belongs on the PATH. A first build shows its progress on standard error."""
    done = subprocess.run([sys.executable, str(KIT / "build.py")], stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.strip())
