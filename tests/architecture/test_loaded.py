"""What `run` loads before it does anything: time of every start, and memory for as long as it runs."""

import importlib.metadata
import pathlib
import subprocess
import sys

import pytest

LIBRARIES = frozenset(
    {
        "aiohappyeyeballs",
        "aiohttp",
        "aiohttp_retry",
        "aiosignal",
        "annotated_doc",
        "annotated_types",
        "anyio",
        "attr",
        "dateutil",
        "frozenlist",
        "git",
        "gitdb",
        "httpx",
        "idna",
        "kubernetes",
        "multidict",
        "orjson",
        "prometheus_client",
        "propcache",
        "pydantic",
        "pydantic_core",
        "shellingham",
        "smmap",
        "typer",
        "typing_extensions",
        "typing_inspection",
        "watchfiles",
        "yaml",
        "yarl",
    }
)
"""All that may be loaded of others, with what they load themselves. What is added costs each daemon its memory: a
toolkit for databases was 14 MiB of 131, the compiler of expressions 5 (docs/decisions/0071-performance.md)."""
NEVER = frozenset({"kubernetes.client", "kubernetes.dynamic", "kubernetes.aio.dynamic"})
"""What these libraries would load of themselves, and what nobody uses."""

STARTED = """
import asyncio, pathlib, sys
import reconciler.cli.main, reconciler.cli.daemon
from reconciler.edges.journal import journal
from reconciler.settings import application, loading

APPLICATION = "apiVersion: reconciler.dev/v1\\nkind: Application\\nnamespace: web\\nsource: {manifests: {}}\\n"
asyncio.run(journal.open_journal(pathlib.Path(sys.argv[1]), inline=True))
loading.load(application.Application, APPLICATION, where="application.yaml")
print(*sys.modules)
"""
"""A new journal is made, and an application that asks for nothing special is read."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """The names of all modules."""
    path: pathlib.Path = tmp_path_factory.mktemp("loaded") / "journal.sqlite"
    command = [sys.executable, "-c", STARTED, str(path)]
    return frozenset(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_run_loads_nothing_that_it_does_not_use(loaded: frozenset[str]) -> None:
    assert "kubernetes.aio.config" in loaded
    assert loaded & NEVER == frozenset()


def test_run_loads_no_library_that_is_not_named_here(loaded: frozenset[str]) -> None:
    others = frozenset(importlib.metadata.packages_distributions()) - {"reconciler"}
    used = frozenset(name.partition(".")[0] for name in loaded) & others
    assert "aiohttp" in used
    assert {name for name in used if not name.startswith("_")} - LIBRARIES == set()
