"""What the API server can take from one Python process: the calibration of everything else."""

import asyncio
import ssl
import time
from collections.abc import Sequence

import aiohttp
import orjson

from benchmarks import bench, figures
from tests.clusterkit import access

AT_ONCE = 16
HEADERS = {"Content-Type": "application/apply-patch+yaml"}


def bodies(prefix: str, count: int, *, value: str = "first") -> dict[str, bytes]:
    """Path → body of ConfigMaps as the other benchmarks make them, with an annotation as long as our mark."""
    found = {}
    for number in range(count):
        name = f"{prefix}-{number:05}"
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": bench.NAMESPACE, "annotations": {"reconciler.dev/owner": "m" * 98}},
            "data": {"filler": "x" * 96, "name": name, "value": value},
        }
        path = f"/api/v1/namespaces/{bench.NAMESPACE}/configmaps/{name}?fieldManager=ceiling&fieldValidation=Strict"
        found[path] = orjson.dumps(body)
    return found


async def applied(ready: access.ClusterAccess, rounds: Sequence[dict[str, bytes]]) -> tuple[float, float]:
    """Send each of `rounds` after the other; wall and own processor seconds."""
    trust = ssl.create_default_context(cafile=ready.ca_file)
    headers = HEADERS | {"Authorization": f"Bearer {ready.token}", "User-Agent": "ceiling"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:

        async def work(waiting: list[tuple[str, bytes]]) -> None:
            while waiting:
                path, body = waiting.pop()
                async with session.patch(f"{ready.server}{path}", data=body, ssl=trust) as reply:
                    assert reply.status < 300, await reply.text()
                    orjson.loads(await reply.read())

        wall, cpu = time.perf_counter(), time.process_time()
        for sent in rounds:
            waiting = list(sent.items())
            await asyncio.gather(*(work(waiting) for _ in range(AT_ONCE)))
        return time.perf_counter() - wall, time.process_time() - cpu


def both(prefix: str, count: int) -> list[dict[str, bytes]]:
    """A dry-run of each object, then an apply of each: what a plan and its rollout must send at least."""
    apply = bodies(prefix, count)
    return [{f"{path}&dryRun=All": body for path, body in apply.items()}, apply]


def measure(quick: bool) -> list[figures.Figure]:
    """Raw server-side apply by aiohttp and orjson, no reconciler."""
    count, runs = (200, 3) if quick else (1_000, 7)
    apply, dry, pairs, cpu = [], [], [], []
    with bench.cluster() as ready:
        for run in range(runs):
            wall, used = asyncio.run(applied(ready, [bodies(f"a{run}", count)]))
            apply.append(count / wall)
            cpu.append(used / count * 1e3)
            wall, _ = asyncio.run(applied(ready, both(f"b{run}", count)[:1]))
            dry.append(count / wall)
            wall, _ = asyncio.run(applied(ready, both(f"c{run}", count)))
            pairs.append(count / wall)
    name = "ceiling"
    others = "Go client 1,110–1,440/s"
    return [
        figures.Figure(name, "apply of new ConfigMaps", tuple(apply), "objects/s", others=others),
        figures.Figure(name, "dry-run of new ConfigMaps", tuple(dry), "objects/s", others="1,170–1,260/s"),
        figures.Figure(name, "dry-run of all, then apply of all", tuple(pairs), "objects/s"),
        figures.Figure(name, "client processor, each apply", tuple(cpu), "ms", others="0.18–0.25 ms"),
    ]


if __name__ == "__main__":
    bench.main(measure)
