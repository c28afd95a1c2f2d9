"""Taking an address to serve on."""

from aiohttp import web

from reconciler import errors


async def listen(runner: web.AppRunner, address: str, *, what: str) -> str:
    """Serve on `host:port` (port 0: any). Returns the address in use. Terminal when it cannot be taken."""
    host, _, port = address.rpartition(":")
    await runner.setup()
    site = web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port))
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise errors.Terminal(f"{what} cannot be served on {address}: {error.strerror or error}") from error
    bound = runner.addresses[0]
    return f"{bound[0]}:{bound[1]}"
