"""Faults that a rehearsal asks for by a word."""

import asyncio

import pytest

from reconciler import errors, ports
from reconciler.model import document, ids, manifests, targets
from reconciler.sandbox import chance, cluster, faults, objects
from reconciler.sandbox import clock as clocks

POD = ids.ObjectKey("", "Pod", "default", "web")
CONFIG_MAP = ids.ObjectKey("", "ConfigMap", "default", "settings")
MANIFEST = manifests.Manifest(
    CONFIG_MAP,
    "v1",
    document.encode(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}}
    ),
    manifests.Origin("test", 0),
)


def fulfils_the_port(found: faults.Prober) -> ports.Prober:
    return found  # checked by mypy


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("crash-loop", faults.Fault("crash-loop")),
        ("probe-fails", faults.Fault("probe-fails")),
        ("slow-start=90s", faults.Fault("slow-start", 90.0)),
        ("api-outage=1.5m", faults.Fault("api-outage", 90.0)),
        ("killed@apply", faults.Fault("killed", call="apply")),
    ],
)
def test_a_word_is_a_fault(text: str, fault: faults.Fault) -> None:
    assert faults.parse(text) == fault


@pytest.mark.parametrize(
    "text", ["", "crash", "slow-start", "slow-start=soon", "crash-loop=3s", "killed@lunch", "apply"]
)
def test_anything_else_is_refused_with_all_words(text: str) -> None:
    with pytest.raises(errors.InvalidInput, match=r"is no fault; write one of: crash-loop, .*killed@apply"):
        faults.parse(text)


@pytest.mark.parametrize(
    ("text", "word", "value"), [("never-ready", "behaviour", "never-ready"), ("slow-start=90s", "ready-after", "90s")]
)
def test_pods_made_from_then_on_behave_so(text: str, word: str, value: str) -> None:
    clock = clocks.VirtualClock()
    kept = objects.Objects(clock, chance.SeededChance("1"))

    def make(name: str) -> None:
        its: document.Json = {"name": name, "namespace": "default", "annotations": {"kept": "yes"}}
        container: document.Json = {"name": "main", "image": "web:1"}
        kept.create(
            {"apiVersion": "v1", "kind": "Pod", "metadata": its, "spec": {"containers": [container]}}, manager="x"
        )

    make("before")
    faults.strike_pods(kept, faults.parse(text))
    make("web")
    before = kept.get(ids.ObjectKey("", "Pod", "default", "before"))
    found = kept.get(POD)
    assert before is not None
    assert found is not None
    assert document.mapping(before.body, "metadata", "annotations") == {"kept": "yes"}
    annotations = {"kept": "yes", f"sandbox.reconciler.dev/{word}": value}
    assert document.mapping(found.body, "metadata", "annotations") == annotations


def weathered(clock: clocks.VirtualClock, *words: str) -> ports.Cluster:
    kept = objects.Objects(clock, chance.SeededChance("1"))
    weather = faults.Weather(clock, tuple(faults.parse(word) for word in words))
    return weather.over(cluster.SandboxCluster("main", kept))


def test_the_api_server_is_away_from_the_first_write_on() -> None:
    clock = clocks.VirtualClock()
    its = weathered(clock, "api-outage=30s")

    async def main() -> None:
        assert await its.read(CONFIG_MAP) is None
        with pytest.raises(errors.Transient, match="cannot be reached"):
            await its.apply(MANIFEST, operation="1", force=False)
        with pytest.raises(errors.Transient, match="cannot be reached"):
            its.followed(ids.TargetKey("production", "web"))
        await clock.sleep(31)
        await its.apply(MANIFEST, operation="2", force=False)
        assert await its.read(CONFIG_MAP) is not None

    clock.run(main())


def test_the_daemon_is_killed_once_and_what_it_sent_has_arrived() -> None:
    clock = clocks.VirtualClock()
    its = weathered(clock, "killed@apply")

    async def main() -> None:
        with pytest.raises(faults.Killed):
            await its.apply(MANIFEST, operation="1", force=False)
        assert await its.read(CONFIG_MAP) is not None
        await its.apply(MANIFEST, operation="2", force=False)

    clock.run(main())


@pytest.mark.parametrize("fails", [False, True])
def test_probes_answer_as_they_are_told(fails: bool) -> None:
    clock = clocks.VirtualClock()
    probe = targets.HttpProbe("http://web/healthz", statuses=(200,), interval=1, timeout=1, failures=3)
    sample = asyncio.run(faults.Prober(clock, fails).probe(probe))
    assert (sample.url, sample.at, sample.ok) == (probe.url, clocks.START, not fails)
