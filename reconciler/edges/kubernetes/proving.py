"""Whether credentials really leave this process: one request to a listener of our own (I25).

kubernetes 36.0.0 read tokens and sent none: every call went out as system:anonymous, and the server's answers looked
like missing rights. The libraries are pinned; whoever installs others learns it at the start, before anything is done.
"""

import asyncio
import json
import pathlib
import secrets
import tempfile

from reconciler import errors
from reconciler.edges.kubernetes import credentials, session

DEADLINE = 10.0
"""Seconds; it takes some thousandths of one."""
HEAD_BYTES = 65_536
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


async def authorization_is_sent() -> None:
    """Raises `errors.Terminal` when a token of a kubeconfig does not arrive where it is sent."""
    token, heard = secrets.token_hex(16), bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=HEAD_BYTES)
    except OSError as error:
        raise errors.of_the_machine("no listener on 127.0.0.1 can be opened to check the client", error) from error
    try:
        async with server, asyncio.timeout(DEADLINE):
            await _ask(server.sockets[0].getsockname()[1], token)
    except TimeoutError as error:
        because = f"the Kubernetes client reached no listener on 127.0.0.1 within {DEADLINE:g} s"
        raise errors.Transient(
            f"{because}; this machine has too little to spare, or stops connections to itself"
        ) from error
    if f"\r\nauthorization: bearer {token}\r\n" not in heard.decode("latin-1").lower():
        raise errors.Terminal(
            "the Kubernetes client of this installation sends no Authorization header: every call would be made as"
            " system:anonymous; install the versions of requirements.lock"
        )


async def _ask(port: int, token: str) -> None:
    """One request, on the way that all of them take: from a kubeconfig to our session."""
    with tempfile.TemporaryDirectory(prefix="reconciler-proof-") as folder:
        kubeconfig = pathlib.Path(folder, "kubeconfig")
        await asyncio.to_thread(kubeconfig.write_text, _kubeconfig(port, token))
        source = credentials.Source(str(kubeconfig))
        opened = session.Session(
            "proof", source, trusted=await credentials.load(source), timeouts=session.Timeouts(call=DEADLINE)
        )
        try:
            await opened.request("GET", "/version")
        finally:
            await opened.close()


def _kubeconfig(port: int, token: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proof",
            "contexts": [{"name": "proof", "context": {"cluster": "proof", "user": "proof"}}],
            "clusters": [{"name": "proof", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "proof", "user": {"token": token}}],
        }
    )
