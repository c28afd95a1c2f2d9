"""Inside the box: gives up what a renderer does not need, then reads requests from standard input and answers them.

A child is a process of its own in an empty folder, started as `box.command` says with the limits as its last argument,
and lives until its input ends. What the platform did not let it give up is missing from `isolation` in its greeting.
A frame is four bytes of length, big-endian, and that much JSON; the contents of a request's files follow it.
"""

import contextlib
import ctypes
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 38, 9
NOBODY = 65534
WORK = "work"


class Refused(Exception):  # noqa: N818 - an answer to the request, not a failure of the box
    """It cannot be rendered; the text is a sentence with the repository's path."""


class Tool(Protocol):
    """What renders. Made when the network is gone, and before the file system is."""

    @property
    def version(self) -> str: ...

    @property
    def confinable(self) -> bool:
        """Whether it works with the child's own folder as its root."""

    def render(self, request: dict[str, Any]) -> str:
        """The text for one request, whose files lie in the current folder. Raises `Refused`."""


# --- giving up what a renderer does not need --------------------------------------------------------------------------


def limit_resources(limits: dict[str, int]) -> None:
    """CPU seconds and address space (bytes) of the child's whole life, no core dumps, files no larger than a request.

    Go alone reserves 1.8 GiB of address space of which it uses little; below that it does not start.
    """
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits["cpu"]),
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["request"]),
        (resource.RLIMIT_NOFILE, 256),
    ):
        hard = resource.getrlimit(what)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (allowed, allowed))


def leave_network() -> bool:
    """An own, empty network namespace; without the right to make one, within an own user namespace.

    Must come before any tool is loaded: threads, as Go starts them, would forbid a new user namespace.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return False
    if libc.unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0:
        return True
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) != 0:
        return False
    # A root without capabilities may not map itself; it goes on as nobody of its namespace.
    with contextlib.suppress(OSError):
        for name, text in (("setgroups", "deny"), ("gid_map", f"0 {group} 1"), ("uid_map", f"0 {user} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    return True


def leave_file_system() -> bool:
    """The child's own folder becomes its root. Must come after every module is loaded."""
    try:
        os.chroot(".")
    except OSError:
        return False
    os.chdir("/")
    return True


def leave_user(*, processes: int) -> bool:
    """From root to nobody, with a bound on processes and threads, which Go needs a few of."""
    if os.geteuid() != 0:
        return False
    try:
        os.chown(".", NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        return False  # root of a user namespace has only itself
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    return True


def die_with_the_daemon() -> None:
    """A daemon that was killed cannot kill its children. After the change of user, which forgets this."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


# --- frames -----------------------------------------------------------------------------------------------------------


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """`size` bytes; ends the child when the daemon closed the pipe."""
    data = stream.read(size)
    if len(data) != size:
        raise SystemExit(0)
    return data


def read_header(stream: BinaryIO) -> dict[str, Any]:
    """The JSON of the next frame."""
    header: dict[str, Any] = json.loads(read_exactly(stream, int.from_bytes(read_exactly(stream, 4), "big")))
    return header


def write(stream: BinaryIO, answer: dict[str, Any]) -> None:
    """One frame."""
    body = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
    stream.write(len(body).to_bytes(4, "big") + body)
    stream.flush()


# --- requests ---------------------------------------------------------------------------------------------------------


def unpack(stream: BinaryIO, files: list[tuple[str, int]]) -> None:
    """Write the files that follow the header below `work`; the parent has checked their paths."""
    os.mkdir(WORK)
    for path, size in files:
        content = read_exactly(stream, size)
        os.makedirs(os.path.dirname(os.path.join(WORK, path)), exist_ok=True)
        with open(os.path.join(WORK, path), "xb") as file:
            file.write(content)


def answer(tool: Tool, request: dict[str, Any], *, output: int) -> dict[str, Any]:
    """`{"text": …}` or `{"refused": …}`."""
    os.chdir(WORK)
    try:
        text = tool.render(request)
    except Refused as refused:
        return {"refused": str(refused)}
    finally:
        os.chdir("..")
    if len(text) > output:
        return {"refused": f"{request['path']}: renders to more than {output} bytes; split it"}
    return {"text": text}


def serve(load: Callable[[dict[str, int]], Tool]) -> None:
    """Give up rights, greet, answer requests until the input ends. `load` makes the tool, which may know the limits."""
    limits: dict[str, int] = json.loads(sys.argv[-1])
    requests, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get among the frames
    limit_resources(limits)
    isolation = ["network"] if leave_network() else []
    tool = load(limits)
    isolation += ["files"] if tool.confinable and leave_file_system() else []
    isolation += ["user"] if leave_user(processes=limits["processes"]) else []
    die_with_the_daemon()
    write(answers, {"version": tool.version, "isolation": isolation})
    while True:
        request = read_header(requests)
        shutil.rmtree(WORK, ignore_errors=True)
        unpack(requests, request["files"])
        answered = answer(tool, request, output=limits["output"])
        shutil.rmtree(WORK, ignore_errors=True)  # opened secrets may be among the files: gone before the answer is
        write(answers, answered)
