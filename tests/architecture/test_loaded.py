"""What `run` loads before it does anything: time of every start, and memory for as long as it runs."""

import subprocess
import sys

NEVER = frozenset(
    {"requests", "oauthlib", "kubernetes.client", "kubernetes.dynamic", "kubernetes.aio.dynamic", "alembic", "rich"}
)
"""What libraries would load of themselves, and what only one command, or an upgrade, needs."""


def test_run_loads_nothing_that_it_does_not_use() -> None:
    shown = "import sys, reconciler.cli.main, reconciler.cli.daemon; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert "kubernetes.aio.config" in done.stdout.split()
    assert frozenset(done.stdout.split()) & NEVER == frozenset()
