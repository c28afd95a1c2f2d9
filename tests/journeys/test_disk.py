"""The journal's disk is full, fails or is read-only: nothing is done that cannot be recorded (I1, I3).

The disks are real ones: a small tmpfs in a mount namespace of the daemon's own, a read-only bind mount, and errors that
the kernel returns to the daemon's own calls (strace's injection). Where a machine does not let us, the test is skipped.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reconciler.model import records
from tests.support import dying, endings, endstate, site

pytestmark = pytest.mark.only_kubernetes("the daemon has mounts of its own, and its calls are made to fail")

SIZE = "6m"


def namespaced(where: site.Site, mount: str) -> list[str]:
    """`reconciler run` in a mount namespace of its own, after `mount` (a shell command; $1 is the state's folder)."""
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    run = [sys.executable, "-m", "reconciler", "run", "--config", str(where.config)]
    shell = ["sh", "-c", f'{mount} && shift && exec "$@"', "sh", str(where.state)]
    return ["unshare", "--mount", *root, *shell, *run]


@pytest.fixture
def allowed(a_site: site.Site) -> site.Site:
    """A site whose daemon may have mounts of its own."""
    a_site.state.mkdir()
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    tried = subprocess.run(
        [*command, "mount", "-t", "tmpfs", "tmpfs", str(a_site.state)], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"no mount namespaces here: {tried.stderr.strip()}")
    return a_site


def edited(where: site.Site, value: str) -> None:
    """Somebody changes what the daemon would heal, and record, at once."""
    where.cluster.patch(f"/api/v1/namespaces/{where.namespace}/configmaps/one", {"data": {"of": value}})


def healed(where: site.Site) -> bool:
    found = where.live("configmaps", "one", group="v1")
    return bool(found and found["data"]["of"] == "v1")


def begin(where: site.Site) -> str:
    where.application("web", [site.config_map("one", of="v1")])
    return where.commit("v1")


def start(where: site.Site) -> None:
    """The daemon as a process that is forked with everything loaded."""
    where.process = dying.Child(where.config, where.log_file, death=None, trace=where.folder / "trace")


def nothing_is_done_until(where: site.Site, words: str) -> int:
    """An edit meets a journal that cannot record: said once, not healed. Returns the place in the audit log."""
    mark = where.cluster.audit_mark()
    edited(where, "edited")
    where.wait(lambda: words in where.log(), what=f"{words!r} in the log")
    assert "nothing can be recorded, so nothing is done" in where.log()
    assert where.counted_calls(after=mark) == []
    return mark


def on_again(where: site.Site, mark: int) -> None:
    """It goes on by itself, and each call has its intent."""
    where.wait(lambda: healed(where), what="the edit being healed", timeout=120)
    where.wait(lambda: where.events(records.EventKind.DRIFT_HEALED), what="the healing being over")
    where.wait_ledger(lambda ledger: ledger.rollout is None and endings.at_rest(ledger), what="being at rest")
    recorded(where, mark)


def recorded(where: site.Site, mark: int) -> None:
    assert where.rows("SELECT 1 FROM events WHERE because LIKE 'the journal can be written again%'")
    assert endstate.unlike_the_audit_log(where, after=mark) == []
    assert endstate.broken_chain(where) == ""
    assert where.rows("SELECT * FROM intents WHERE result IS NULL") == []


def test_a_full_disk_stops_all_work_until_there_is_room(allowed: site.Site) -> None:
    here = allowed
    good = begin(here)
    with here.log_file.open("ab") as log:
        mount = f'mount -t tmpfs -o size={SIZE},mode=700 tmpfs "$1"'
        here.process = subprocess.Popen(namespaced(here, mount), stdout=log, stderr=log, start_new_session=True)
    inside = pathlib.Path(f"/proc/{here.process.pid}/root{here.state}")
    here.wait(lambda: "rolled out" in here.log(), what=f"{good} being good", timeout=4 * site.PATIENCE)
    filler = inside / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError as error:
            assert "No space left" in str(error)
    mark = nothing_is_done_until(here, "There is no room left for the journal")
    filler.unlink()
    here.wait(lambda: "drift healed" in here.log(), what="the edit being healed", timeout=4 * site.PATIENCE)
    assert healed(here)
    # SQLite finds its way out of the daemon's namespace: the journal, at rest, is read as a copy.
    here.state = here.folder / "copy"
    here.state.mkdir()
    for file in inside.glob("journal.db*"):
        shutil.copy(file, here.state)
    recorded(here, mark)


@contextmanager
def failing(pid: int, calls: str, file: pathlib.Path) -> Iterator[None]:
    """While this lasts, the kernel answers EIO to these calls of the process on that file."""
    command = ["strace", "-f", "-p", str(pid), "-P", str(file), "-e", f"inject={calls}:error=EIO"]
    tracer = subprocess.Popen([*command, "-o", "/dev/null"], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    try:
        said = tracer.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"processes may not be traced here: {said.strip()}")
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()


@pytest.mark.programs("strace")
@pytest.mark.parametrize("calls", ["pwrite64", "fdatasync,fsync"])
def test_a_disk_that_fails_stops_all_work_until_it_does_not(a_site: site.Site, calls: str) -> None:
    good = begin(a_site)
    start(a_site)
    a_site.wait_good(good)
    assert a_site.process is not None
    with failing(a_site.process.pid, calls, a_site.state / "journal.db-wal"):
        mark = nothing_is_done_until(a_site, "The disk of the journal")
    on_again(a_site, mark)


def test_a_read_only_disk_keeps_a_daemon_from_starting(allowed: site.Site) -> None:
    here = allowed
    good = begin(here)
    start(here)
    here.wait_good(good)
    assert here.stop() == 0
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
    done = subprocess.run(namespaced(here, mount), capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr or "read-only" in done.stderr
    assert "writable" in done.stderr
    start(here)
    here.wait_in_sync()
