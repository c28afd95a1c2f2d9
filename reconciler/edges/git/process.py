"""Starts git: a list of arguments, a locked environment, bounded output, and a deadline that kills the whole group."""

import contextlib
import enum
import math
import os
import resource
import secrets
import select
import selectors
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from git import cmd, exc

from reconciler import errors
from reconciler.edges.git import kept, place, ssh

KEPT = frozenset(
    {"PATH", "TMPDIR", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"}
)
"""What git inherits of the daemon's environment. Everything else is taken away: GIT_* would redirect it, the rest may
be secrets of other systems."""

STDERR_BYTES = 65_536
READER = (
    "-c",
    "core.deltaBaseCacheLimit=8m",  # 96 MiB otherwise, for as long as it waits
    "cat-file",
    "--batch-command=%(objectname) %(objecttype) %(objectsize)",
    "--buffer",
)
TOO_OLD = "unknown option `batch-command"

SAFE = {
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.fsync": "committed,reference",  # a revert commit is journaled by its id: it must survive a power cut
    "credential.helper": "",
    "fetch.fsckObjects": "true",
    "fetch.unpackLimit": "1",  # always a pack: verified while it comes in, and countable (see mirror.py)
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "push.gpgSign": "false",
    "push.followTags": "false",
    "push.recurseSubmodules": "no",
    "i18n.logOutputEncoding": "UTF-8",
    "i18n.commitEncoding": "UTF-8",
    "http.sslVerify": "true",
    "http.followRedirects": "false",  # credentials are bound to one host (I17)
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
}


class Stop(enum.Enum):
    """Why git is not running any more."""

    EXITED = "exited"
    LATE = "late"  # killed at its deadline
    FLOODED = "flooded"  # killed because it printed more than was asked for


@dataclass(frozen=True, slots=True)
class Ended:
    """`out` is what git printed, cut at the limit; `err` what it complained, at most 64 KiB."""

    stop: Stop
    status: int
    out: bytes
    err: str

    @property
    def fine(self) -> bool:
        return self.stop is Stop.EXITED and self.status == 0

    @property
    def spoke(self) -> bool:
        """Whether it ended by itself: what a git says by its end that was killed, for memory or by somebody, is
        nothing."""
        return self.stop is Stop.EXITED and self.status >= 0


class Git:
    """Git for one question: commands run one after the other in one thread, `halt` ends them from another."""

    def __init__(self, where: place.Place, *, lock: int, reader: kept.Kept) -> None:
        """`lock` is the descriptor of the mirror's lock file: git inherits it, so that an orphan of a killed daemon
        still keeps the next one from cleaning up under it. `reader` is where the process waits that `ask` asks."""
        self.place = where
        self._lock = lock
        self._reader = reader
        self._guard = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._halted = False
        self._latest = math.inf

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """All that is asked within has together the time of one command: it may be many questions."""
        self._latest = time.monotonic() + self.place.timeouts.local
        try:
            yield
        finally:
            self._latest = math.inf

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        most: int = 1 << 20,
        within: float | None = None,
        remote: bool = False,
        signatures: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run `git ARGUMENTS` on the mirror. `given` goes to its standard input, `most` bounds the bytes it may print,
        `within` the seconds (default: the local time-out); `remote` adds credentials and the limit on packs,
        `signatures` what is needed to check or to make them."""
        wanted = self._environment(remote=remote, signatures=signatures) | dict(variables or {})
        deadline = self._deadline(self.place.timeouts.local if within is None else within)
        process = self._start(arguments, wanted, pass_fds=(self._lock,))
        if remote:
            self._bound_files(process)
        try:
            stop, out, err = _pump(process, given=given, most=most, deadline=deadline)
        finally:
            self._finish(process)
        return Ended(stop, process.returncode, out, err.decode("utf-8", "backslashreplace"))

    def ask(self, *commands: str, most: int) -> Ended:
        """What `git cat-file --batch-command` says to `commands`, by a process that waits for them already if there is
        one. `most` bounds the bytes of all answers together, the local time-out the time. What a process that was
        asked before cannot answer, because it died or its view of the mirror is spoilt, a new one is asked."""
        deadline = self._deadline(self.place.timeouts.local)
        with self._reader.turn():
            ended = self._told(commands, most=most, deadline=deadline)
        if TOO_OLD in ended.err:
            raise errors.Terminal("git is too old: install git 2.36 or newer")
        return ended

    def _told(self, commands: Sequence[str], *, most: int, deadline: float) -> Ended:
        """The answer of the process that waits, or of a new one."""
        seen = self._reader.look()
        if waiting := self._reader.take(seen):
            self._adopt(waiting)
            ended = self._asked(waiting, commands, most=most, deadline=deadline, seen=seen)
            if ended.stop is not Stop.EXITED or (ended.fine and not ended.err):
                return ended
        # without the lock of the mirror: it only reads, and ends when the daemon does
        fresh = self._start(READER, self._environment(remote=False, signatures=False), pass_fds=())
        return self._asked(fresh, commands, most=most, deadline=deadline, seen=seen)

    def halt(self) -> None:
        """Kill what runs, and let nothing start any more."""
        with self._guard:
            self._halted = True
            if self._running:
                kept.kill(self._running)

    def _deadline(self, seconds: float) -> float:
        return min(time.monotonic() + seconds, self._latest)

    def _asked(
        self,
        process: "subprocess.Popen[bytes]",
        commands: Sequence[str],
        *,
        most: int,
        deadline: float,
        seen: kept.Look | None,
    ) -> Ended:
        """The last question is for a name that nobody can guess, so its answer, and nothing in a file, is the end."""
        name = f"end.{secrets.token_hex(16)}"
        end = f"{name} missing\n".encode()
        given = "".join(f"{command}\n" for command in (*commands, f"info {name}", "flush")).encode()
        answered = False
        try:
            stop, out, err = _pump(process, given=given, most=most + len(end), deadline=deadline, end=end)
            answered = stop is Stop.EXITED and out.endswith(end)
        finally:
            with self._guard:
                self._running = None
                answered = answered and not self._halted
            if answered and not err:
                self._reader.give(process, seen)
            else:
                kept.end(process)
        said = err.decode("utf-8", "backslashreplace")
        return Ended(stop, 0, out.removesuffix(end), said) if answered else Ended(stop, process.returncode, out, said)

    def _adopt(self, process: "subprocess.Popen[bytes]") -> None:
        """Let `halt` end a process that was started for another question."""
        with self._guard:
            if not self._halted:
                self._running = process
                return
        kept.end(process)
        raise self._stopped()

    def _stopped(self) -> errors.Transient:
        return errors.Transient(f"{self.place.name}: stopped before git had finished")

    def _start(
        self, arguments: Sequence[str], environment: dict[str, str], *, pass_fds: tuple[int, ...]
    ) -> "subprocess.Popen[bytes]":
        # GitPython adds to the daemon's environment and cannot take away from it; `env -u` can, and puts names, never
        # values, into the argument list.
        taken = [word for name in sorted(os.environ.keys() - KEPT - environment.keys()) for word in ("-u", name)]
        command = ["env", *taken, "git", *arguments]
        with self._guard:
            if self._halted:
                raise self._stopped()
            try:
                wrapped: Any = cmd.Git(str(self.place.mirror.parent)).execute(
                    command,
                    istream=subprocess.PIPE,
                    as_process=True,
                    shell=False,
                    env=environment,
                    start_new_session=True,  # its own process group: the deadline kills git's children as well
                    pass_fds=pass_fds,
                )
            except (exc.GitCommandNotFound, OSError) as error:
                cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
                if isinstance(cause, OSError) and cause.errno in errors.SCARCE:
                    raise errors.of_the_machine("git cannot be started", cause) from error
                raise errors.Terminal(
                    f"git cannot be started: install git and `env`, and put them on the PATH ({error})"
                ) from error
            process: subprocess.Popen[bytes] = wrapped.proc
            # GitPython's wrapper kills its process when it is collected; ours is awaited below.
            wrapped.proc = None
            self._running = process
            return process

    def _finish(self, process: "subprocess.Popen[bytes]") -> None:
        with self._guard:  # `halt` kills nothing from here on: the number may soon be another process's
            self._running = None
        kept.end(process)

    def _bound_files(self, process: "subprocess.Popen[bytes]") -> None:
        """Git's client knows no limit on what it receives (rows.toml GIT-23), the kernel does. Set from outside
        because code between fork and exec is unsafe beside threads; git talks to the server long before it writes."""
        if hasattr(resource, "prlimit"):
            most = self.place.limits.pack_bytes
            try:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
            except ProcessLookupError:
                return  # it has ended already

    def _environment(self, *, remote: bool, signatures: bool) -> dict[str, str]:
        where = self.place
        settings = dict(SAFE)
        if where.ca_file:
            settings["http.sslCAInfo"] = str(where.ca_file)
        policy = where.signatures if signatures else None
        if policy:
            settings |= policy.settings()
        if remote and where.credentials and not where.local:
            settings[f"http.{where.url}.extraHeader"] = where.credentials.header()
        variables = {
            "GIT_DIR": str(where.mirror),
            "HOME": str(where.mirror),  # no ~/.netrc, ~/.gitconfig, ~/.config
            "LANGUAGE": "C",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",  # refs/replace shows other bytes under the approved SHA
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_ALLOW_PROTOCOL": where.protocol,
            "GIT_PROTOCOL": "version=2",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        if policy:
            variables |= policy.variables(where.mirror.with_name(f"{where.mirror.name}.gnupg"))
        if remote and where.keys:
            where.keys.check()
            ssh.installed(where.ssh_program)
            variables |= where.keys.variables(where.ssh_program)
        for number, (key, value) in enumerate(settings.items()):
            variables[f"GIT_CONFIG_KEY_{number}"] = key
            variables[f"GIT_CONFIG_VALUE_{number}"] = value
        return variables


def _pump(
    process: "subprocess.Popen[bytes]", *, given: bytes, most: int, deadline: float, end: bytes = b""
) -> tuple[Stop, bytes, bytes]:
    """Feed and drain the three pipes until git has ended, the deadline has passed, it printed more than `most`, or,
    where `end` is given, it printed that last: then its input stays open."""
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin and stdout and stderr  # noqa: S101 - `_start` opens all three; this tells mypy
    out, err, left = bytearray(), bytearray(), memoryview(given)
    with selectors.PollSelector() as selector:  # for three pipes it takes half of the calls that epoll does
        selector.register(stdout, selectors.EVENT_READ)
        selector.register(stderr, selectors.EVENT_READ)
        if given:
            selector.register(stdin, selectors.EVENT_WRITE)
        else:
            stdin.close()
        while selector.get_map():
            if (seconds := deadline - time.monotonic()) <= 0:
                return Stop.LATE, bytes(out), bytes(err)
            ready = selector.select(seconds)
            for key, _ in ready:
                if key.fileobj is stdin:
                    left = _feed(stdin.fileno(), left)
                    if not left:
                        selector.unregister(stdin)
                        if not end:
                            stdin.close()
                elif chunk := os.read(key.fd, 65_536):
                    (out if key.fileobj is stdout else err).extend(chunk)
                else:
                    selector.unregister(key.fileobj)
            if len(out) > most:
                return Stop.FLOODED, bytes(out[:most]), bytes(err)
            del err[STDERR_BYTES:]
            if end and out.endswith(end) and not any(key.fileobj is stderr for key, _ in selector.select(0)):
                return Stop.EXITED, bytes(out), bytes(err)  # what it complained of came before the end of its answer
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Stop.LATE, bytes(out), bytes(err)
    return Stop.EXITED, bytes(out), bytes(err)


def _feed(pipe: int, left: memoryview) -> memoryview:
    """Write what surely fits without blocking; nothing is left when the reader has gone."""
    try:
        return left[os.write(pipe, left[: select.PIPE_BUF]) :]
    except BrokenPipeError:
        return left[:0]
