"""Lists by pages, for what is asked rarely; what is asked all the time is watched."""

from collections.abc import AsyncIterator, Mapping

from reconciler.edges.kubernetes import replies, session
from reconciler.model import document

PAGE = "500"
"""Objects a page, as every client of Kubernetes has it."""


class RefusedError(Exception):
    """The server does not list this for us. `status` is its HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


async def items(
    opened: session.Session, path: str, *, query: Mapping[str, str], accept: str
) -> AsyncIterator[document.Json]:
    """Every item of a collection. Raises RefusedError for 403, 404 and 405, `errors.Transient` or `errors.Terminal` for
    whatever else is no list."""
    asked = {**query, "limit": PAGE}
    while True:
        reply = await opened.request("GET", path, query=asked, headers={"Accept": accept})
        if reply.status in (403, 404, 405):
            raise RefusedError(reply.status)
        if not reply.ok:
            raise replies.unanswered(reply, f"the list of {path}")
        page = reply.document()
        for item in reply.items():
            yield item
        token = document.text(page, "metadata", "continue")
        if not token:
            return
        asked = {**query, "limit": PAGE, "continue": token}
