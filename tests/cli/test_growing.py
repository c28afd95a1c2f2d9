"""`tree`: how it looks in every width, what it says without a cluster, and the whole of it on a real one."""

import io
import json
import pathlib
from typing import Any

import pytest
from rich import console as consoles

from reconciler.cli import growing
from reconciler.model import health, ids, records, trees
from tests.cli import desk
from tests.clusterkit import access

State = health.State


def node(kind: str, name: str, state: State = State.HEALTHY, because: str = "exists", **more: Any) -> trees.Node:
    return trees.Node(ids.ObjectKey("", kind, "web", name), state, because, **more)


def shown(found: trees.Tree, *, columns: int = 140) -> str:
    written = io.StringIO()
    consoles.Console(file=written, width=columns, highlight=False).print(growing.drawn(found))
    return written.getvalue()


BROKEN = trees.Tree(
    desk.WEB,
    (
        node("ConfigMap", "settings"),
        node("Secret", "token", State.UNKNOWN, "could not be read", unread=("Secret web/token cannot be read (403)",)),
        node(
            "Deployment",
            "web",
            State.DEGRADED,
            "1 of 2 pods is ready",
            children=(
                node("ReplicaSet", "web-1"),
                node("ReplicaSet", "web-2"),
                node(
                    "ReplicaSet",
                    "web-3",
                    State.PROGRESSING,
                    "1 of 2",
                    children=(
                        node("Pod", "web-3-a", because="pod web-3-a is ready"),
                        node(
                            "Pod",
                            "web-3-b",
                            State.DEGRADED,
                            "container web has restarted 5 times",
                            evidence=(
                                trees.Evidence("log of container web, the run before", ("no \x1b[31mdatabase", "[b]")),
                                trees.Evidence("events", (), "could not be read: forbidden"),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
)
WIDE = """\
production/web
├── ✓ ConfigMap web/settings  exists
├── ? Secret web/token  unknown: could not be read
│   └── ? Secret web/token cannot be read (403)
└── ✗ Deployment web/web  degraded: 1 of 2 pods is ready
    ├── … ReplicaSet web-3  progressing: 1 of 2
    │   ├── ✗ Pod web-3-b  degraded: container web has restarted 5 times
    │   │   ├── log of container web, the run before:
    │   │   │   ├── no \N{REPLACEMENT CHARACTER}[31mdatabase
    │   │   │   └── [b]
    │   │   └── events: could not be read: forbidden
    │   └── ✓ Pod web-3-a  pod web-3-a is ready
    └── and 2 ReplicaSets without pods
"""


def test_the_whole_picture() -> None:
    assert [line.rstrip() for line in shown(BROKEN).splitlines()] == WIDE.splitlines()


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_nothing_is_lost_in_a_narrow_terminal(columns: int) -> None:
    lines = shown(BROKEN, columns=columns).splitlines()
    assert all(len(line) <= columns for line in lines)
    words = "".join(lines).replace("│", "").replace(" ", "")
    assert "containerwebhasrestarted5times" in words
    assert "couldnotberead:forbidden" in words


def test_many_healthy_children_are_counted() -> None:
    pods = tuple(node("Pod", f"web-{number}") for number in range(20))
    bad = node("Pod", "web-bad", State.DEGRADED, "crashes")
    text = shown(trees.Tree(desk.WEB, (node("StatefulSet", "web", children=(*pods, bad)),)))
    assert text.index("web-bad") < text.index("web-0")
    assert f"and {20 - growing.SHOWN} more that are well" in text


def test_an_unreachable_cluster_is_said_and_nothing_is_passed_for_well(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    result = a_desk.run("tree", "production/web", "--exit-code")
    assert result.exit_code == 1
    assert "? the API server of cluster main" in result.stdout
    assert a_desk.run("tree").exit_code == 0
    found = json.loads(a_desk.run("tree", "-o", "json").stdout)
    assert (found["well"], found["targets"][0]["objects"]) == (False, [])


def test_a_target_that_nobody_knows(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    result = a_desk.run("tree", "production/wbe")
    assert result.exit_code == 1
    assert "known there: web" in result.stderr
    assert a_desk.run("tree", "production").exit_code == 64


def test_a_target_of_an_environment_that_is_gone(a_desk: desk.Desk) -> None:
    a_desk.remember(records.Ledger(ids.TargetKey("staging", "web")))
    assert "the settings have no environment staging any more" in a_desk.run("tree", columns=140).stdout


# --- with a cluster


@pytest.mark.cluster
def test_a_release_that_crashes_is_explained_at_its_pod(
    tmp_path: pathlib.Path, control_plane: access.ClusterAccess, namespace: str
) -> None:
    """Simulated nodes keep no logs: the server's answer stands in their place."""
    live_desk = desk.Desk(tmp_path, kubeconfig=str(control_plane.kubeconfig), namespace=namespace)
    live_desk.settings["environments"]["production"]["verify"] = {"observe": "0s", "restarts": 2}
    live_desk.configure()
    pod = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "app", "image": "web:v1-crash-loop"}]},
    }
    workload = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": pod},
    }
    live_desk.commit(live_desk.application(desk.config_map("settings", color="blue"), workload))
    live_desk.run("once")
    result = live_desk.run("tree", "production/web", "--exit-code", columns=140)
    assert result.exit_code == 1, result.output
    assert f"✓ ConfigMap {namespace}/settings" in result.stdout
    found = json.loads(live_desk.run("tree", "production/web", "-o", "json").stdout)
    _, deployment = found["targets"][0]["objects"]
    (replica_set,) = deployment["children"]
    (leaf,) = replica_set["children"]
    assert (deployment["kind"], replica_set["kind"], leaf["kind"]) == ("Deployment", "ReplicaSet", "Pod")
    log, events = leaf["evidence"]
    assert log["title"] == "log of container app, the run before"
    assert log["because"].startswith("could not be read: the server does not give it (")
    assert any("Scheduled" in line for line in events["lines"])
