"""The two modules of `kubernetes.aio` that are used: its `client` and its `config`.

The packages around them load everything else of the library when they are imported: the synchronous client with
`requests` and OAuth, the dynamic client, streams, leader election. That is a tenth of a second and 11 MiB of every
daemon. So they stand here as packages in which nothing has run, and what is asked for is loaded from them.
"""

import importlib
import importlib.util
import sys


def _bare(name: str) -> None:
    """The package `name` with its place and nothing in it, unless it is loaded already."""
    spec = importlib.util.find_spec(name)
    if name in sys.modules or spec is None:
        return
    sys.modules[name] = importlib.util.module_from_spec(spec)
    package, _, word = name.rpartition(".")
    if package:
        setattr(sys.modules[package], word, sys.modules[name])


_bare("kubernetes")
_bare("kubernetes.aio")

client = importlib.import_module("kubernetes.aio.client")
config = importlib.import_module("kubernetes.aio.config")
incluster_config = importlib.import_module("kubernetes.aio.config.incluster_config")
kube_config = importlib.import_module("kubernetes.aio.config.kube_config")
