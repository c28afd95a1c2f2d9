"""
Build the kustomize of the tests from its Go module and print the path of the binary.

Pinned by go.mod and go.sum beside this file and cached as the control plane is (`../control-plane/build.py`): half a
minute once a machine, then at once. Needs the network only for that first run.
"""

import argparse
import importlib.util
import pathlib
import sys
import types

HERE = pathlib.Path(__file__).parent


def control_plane_build() -> types.ModuleType:
    """The code that builds the control plane: its folder's name is no package."""
    found = importlib.util.spec_from_file_location("control_plane_build", HERE.parent / "control-plane" / "build.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module  # its dataclass looks itself up there
    found.loader.exec_module(module)
    return module


def built() -> pathlib.Path:
    """The binary, built first if this machine has none of this version. Raises SystemExit with what went wrong."""
    build = control_plane_build()
    recipe = build.Recipe(
        name="kustomize",
        called="kustomize",
        folder=HERE,
        sources=("go.mod", "go.sum"),
        flags=("-trimpath", "-ldflags=-s -w"),
        package="sigs.k8s.io/kustomize/kustomize/v5",
        announcement="compiling it; half a minute on 2 cores, once per machine",
    )
    return build.built(recipe)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(built())
