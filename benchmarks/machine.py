"""What the figures were measured on."""

import datetime
import os
import pathlib
import platform
import re
import subprocess


def described() -> dict[str, str]:
    """Processor, memory, system and versions."""
    cpu = re.search(r"model name\s*: (.+)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
    module = pathlib.Path(__file__).parents[1] / "tests/control-plane/go.mod"
    kubernetes = re.search(r"k8s\.io/kubernetes (v\S+)", module.read_text())
    return {
        "processor": f"{os.cpu_count()} × {cpu[1] if cpu else platform.machine()}",
        "memory": f"{int(memory[1]) / 1024 / 1024:.0f} GiB" if memory else "",
        "system": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Git": _said("git", "--version").removeprefix("git version "),
        "Kubernetes": kubernetes[1] if kubernetes else "",
    }


def moment() -> str:
    """The hour, how busy the machine is, and what was measured."""
    now = datetime.datetime.now(datetime.UTC)
    revision = _said("git", "rev-parse", "--short=12", "HEAD")
    return f"{now:%Y-%m-%d %H:%M} UTC, load average {os.getloadavg()[0]:.1f}, revision {revision}"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
