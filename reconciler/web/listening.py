"""Taking an address to serve on."""

import logging

from aiohttp import http_exceptions, web

from reconciler import errors

log = logging.getLogger(__name__)


class _OneLine(logging.Filter):
    """What is no HTTP request, or has a body that does not decode, is its sender's trouble, and can be sent by anybody
    as often as he likes: a line says so, without a traceback, and without anything of what was sent. It names the
    sender where the server does; of a body that nobody has read it does not. An error of our own keeps its traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, http_exceptions.HttpProcessingError | web.RequestPayloadError):
            sender = f", from {record.args[0]}" if isinstance(record.args, tuple) and record.args else ""
            record.msg, record.args = f"what is no HTTP request was refused ({type(error).__name__}){sender}", ()
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = record.exc_text = None
        return True


log.addFilter(_OneLine())


def runner(app: web.Application) -> web.AppRunner:
    """What serves the app. Requests are not logged."""
    return web.AppRunner(app, access_log=None, logger=log)


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
