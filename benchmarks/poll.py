"""A repository in which nothing happens: what its polls ask and cost. Served by HTTPS, as it would be."""

import pathlib
import tempfile
import time

from benchmarks import bench, figures
from tests.support import gitserver


def serve(made: bench.Bench, server: gitserver.Server, folder: pathlib.Path) -> None:
    """Have the daemon ask the server for the site's repository."""
    (server.root / "desired.git").symlink_to(made.remote)
    made.settings["repositories"]["desired"] |= {
        "url": f"{server.url}/desired.git",
        "allowLocal": False,
        "poll": "1s",
        "credentials": server.credentials(folder),
    }
    made.configure()


def measure(quick: bool) -> list[figures.Figure]:
    """Polls of an unchanged repository."""
    count, seconds, runs = (50, 5.0, 2) if quick else (1_000, 6.0, 7)
    listings, requests, own, git = [], [], [], []
    with (
        bench.cluster() as ready,
        bench.bench(ready) as made,
        tempfile.TemporaryDirectory() as kept,
        gitserver.running(pathlib.Path(kept)) as server,
    ):
        serve(made, server, pathlib.Path(kept))
        names = made.fill(count, applications=count)
        revision = made.commit("first")
        made.start()
        made.all_good(revision, names)
        for _ in range(runs):
            asked, cpu, children = len(server.asked), made.cpu(), made.children_cpu()
            time.sleep(seconds)
            new = server.asked[asked:]
            polls = len([one for one in new if one.method == "POST"])
            listings.append(polls / max(1, len([one for one in new if one.method == "GET"])))
            requests.append(len(new) / max(1, polls))
            own.append((made.cpu() - cpu) / seconds * 1e3)
            git.append((made.children_cpu() - children) / max(1, polls) * 1e3)
        made.stop()
    name = f"poll, {count:,} targets, each second"
    return [
        figures.Figure(name, "ls-remote a poll", tuple(listings), "", most=1, others="a clone check per source"),
        figures.Figure(name, "HTTP requests a poll (greeting, listing)", tuple(requests), ""),
        figures.Figure(name, "processor of git, a poll", tuple(git), "ms"),
        figures.Figure(name, "our processor, all loops together, a second", tuple(own), "ms"),
    ]


if __name__ == "__main__":
    bench.main(measure)
