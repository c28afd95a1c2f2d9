"""Lists by pages, for what is asked rarely; what is asked all the time is watched."""

from collections.abc import AsyncIterator, Mapping

from reconciler import errors
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
    turned: set[str] = set()
    while True:
        reply = await opened.request("GET", path, query=asked, headers={"Accept": accept})
        if reply.status in (403, 404, 405):
            raise RefusedError(reply.status)
        if not reply.ok:
            raise replies.unanswered(reply, f"the list of {path}")
        page = reply.document()
        for item in reply.items():
            yield item
        token = onward(page, turned, what=f"the list of {path}")
        if not token:
            return
        asked = {**query, "limit": PAGE, "continue": token}


def onward(page: document.Json, turned: set[str], *, what: str) -> str:
    """The token of the next page; '' after the last one. `turned`: those of the pages before, to which it is added.
    Raises `errors.Transient` for one that was there before: such a list has no end."""
    token = document.text(page, "metadata", "continue")
    if token in turned:
        raise errors.Transient(f"{what} does not end: the server, or a proxy before it, gives the same page again")
    if token:
        turned.add(token)
    return token
