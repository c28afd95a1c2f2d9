"""A hint is followed for whoever knows the secret, and for nobody else; nothing it says is believed."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
import pytest_asyncio

from reconciler import errors
from reconciler.web import webhook
from tests.support import site

SECRET = "correct horse"
OURS = json.dumps({"ref": "refs/heads/main", "commits": []}).encode()
THEIRS = json.dumps({"ref": "refs/heads/feature"}).encode()


def signature(body: bytes, *, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


SIGNED = signature(OURS)
HEADERS = {
    "GitHub": ({"X-Hub-Signature-256": f"sha256={SIGNED}"}, True),
    "GitHub, of a proxy that changes names": ({"x-hub-signature-256": f"sha256={SIGNED}"}, True),
    "Bitbucket": ({"X-Hub-Signature": f"sha256={SIGNED}"}, True),
    "Gitea": ({"X-Gitea-Signature": SIGNED}, True),
    "Forgejo": ({"X-Forgejo-Signature": SIGNED, "X-Gitea-Signature": SIGNED}, True),
    "GitLab": ({"X-Gitlab-Token": SECRET}, True),
    "nothing": ({}, False),
    "an empty signature": ({"X-Hub-Signature-256": "sha256="}, False),
    "an empty token": ({"X-Gitlab-Token": ""}, False),
    "another secret": ({"X-Hub-Signature-256": f"sha256={signature(OURS, secret='guessed')}"}, False),
    "another message": ({"X-Gitea-Signature": signature(THEIRS)}, False),
    "the weak signature that GitHub sends beside": (
        {"X-Hub-Signature": f"sha1={hmac.new(SECRET.encode(), OURS, hashlib.sha1).hexdigest()}"},
        False,
    ),
    "the secret where a signature belongs": ({"X-Hub-Signature-256": SECRET}, False),
    "a signature where the secret belongs": ({"X-Gitlab-Token": SIGNED}, False),
    "part of the token": ({"X-Gitlab-Token": SECRET[:-1]}, False),
    "bytes that are no text": ({"X-Gitlab-Token": "\udcff"}, False),
}


@pytest.mark.parametrize(("headers", "known"), HEADERS.values(), ids=HEADERS)
async def test_who_sent_it(served: "Served", headers: dict[str, str], known: bool) -> None:
    status, _ = await served.post("desired", OURS, headers)
    assert (status, served.hinted) == ((202, ["desired"]) if known else (401, []))


BRANCHES = {
    b'{"ref": "refs/heads/main"}': "refs/heads/main",
    b'{"ref": "main"}': "",  # creating a branch: GitHub writes it like this
    b'{"ref": 7}': "",
    b'["ref"]': "",
    b"": "",
    b"payload=%7B%22ref%22%3A": "",
    b"\xff": "",
}


@pytest.mark.parametrize(("body", "ref"), BRANCHES.items())
def test_what_it_is_about(body: bytes, ref: str) -> None:
    assert webhook.branch(body) == ref


@dataclass(slots=True)
class Served:
    session: aiohttp.ClientSession
    address: str = ""
    secret: str = SECRET
    unready: str = ""
    hinted: list[str] = field(default_factory=list)

    def read_secret(self) -> str:
        if not self.secret:
            raise errors.Terminal("the credentials file /etc/reconciler/hook cannot be read")
        return self.secret

    async def post(self, repository: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, str]:
        headers = {"X-Hub-Signature-256": f"sha256={signature(body)}"} if headers is None else headers
        url = f"http://{self.address}/webhook/{repository}"
        async with self.session.post(url, data=body, headers=headers) as reply:
            return reply.status, await reply.text()


@pytest_asyncio.fixture
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    async with aiohttp.ClientSession() as session:
        made = Served(session)
        server = webhook.Webhook(
            secret=made.read_secret,
            refs=lambda: {"desired": "refs/heads/main"},
            hint=made.hinted.append,
            ready=lambda: made.unready,
            **getattr(request, "param", {}),
        )
        made.address = await server.start("127.0.0.1:0")
        yield made
        await server.close()


@pytest.mark.row("GIT-30")
async def test_what_becomes_of_it(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    assert await served.post("desired", OURS) == (202, "desired is asked for refs/heads/main\n")
    assert await served.post("desired", b"payload=") == (202, "desired is asked for refs/heads/main\n")
    assert await served.post("desired", THEIRS) == (200, "refs/heads/main is deployed: nothing to do\n")
    assert (await served.post("other", OURS))[0] == 404
    assert (await served.post("other", OURS, {}))[0] == 401, "who knows no secret learns no names"
    served.unready = "not leading"
    assert await served.post("desired", OURS) == (503, "not leading\n")
    served.secret = ""
    with caplog.at_level(logging.WARNING):
        assert await served.post("desired", OURS) == (503, "the daemon cannot read its secret\n")
    assert "/etc/reconciler/hook" in caplog.text
    async with served.session.get(f"http://{served.address}/webhook/desired") as reply:
        assert reply.status == 405
    assert served.hinted == ["desired", "desired"]


async def test_a_message_is_bounded(served: Served) -> None:
    assert (await served.post("desired", b"x" * (webhook.MOST_BYTES + 1)))[0] == 413
    assert not served.hinted


@dataclass(slots=True)
class Slow:
    """Clients that have sent the beginning of a message, and the rest once they are let `go`."""

    served: Served
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def _body(self) -> AsyncIterator[bytes]:
        yield OURS[:5]
        await self.go.wait()
        yield OURS[5:]

    async def send(self) -> int:
        headers = {"X-Hub-Signature-256": f"sha256={SIGNED}"}
        url = f"http://{self.served.address}/webhook/desired"
        async with self.served.session.post(url, data=self._body(), headers=headers) as reply:
            return reply.status

    async def fill(self) -> list[asyncio.Task[int]]:
        """Until no place is left for their address."""
        begun = [asyncio.create_task(self.send()) for _ in range(webhook.OF_ONE)]
        async with asyncio.timeout(site.PATIENCE):
            while (await self.served.post("desired", OURS))[0] != 429:
                pass
        self.served.hinted.clear()
        return begun


def _from(address: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0)))


PATIENT = {"within": 600.0, "slow": 600.0}


@pytest.mark.parametrize("served", [PATIENT], indirect=True)
async def test_who_sends_slowly_keeps_few_others_waiting(served: Served) -> None:
    """As many as may be read at once have begun to send; the next of their address is told to come again, one of
    another address is taken, and once they are done so is everybody."""
    slow = Slow(served)
    begun = await slow.fill()
    async with _from("127.0.0.2") as session:
        other = Served(session, served.address)
        assert (await other.post("desired", OURS))[0] == 202
    slow.go.set()
    assert await asyncio.gather(*begun) == [202] * webhook.OF_ONE
    assert (await served.post("desired", OURS))[0] == 202


@pytest.mark.parametrize("served", [PATIENT], indirect=True)
async def test_two_addresses_that_send_slowly_keep_no_third_one_out(served: Served) -> None:
    """Whoever asked first got the place of a message that had been slow for a second: two that always ask, always."""
    async with _from("127.0.0.2") as second, _from("127.0.0.3") as third:
        slow = Slow(served), Slow(Served(second, served.address))
        other, begun = Served(third, served.address), []
        for _ in range(5):
            for one in slow:
                begun += await one.fill()
            assert await other.post("desired", OURS) == (202, "desired is asked for refs/heads/main\n")
        for one in slow:
            one.go.set()
        answers = await asyncio.gather(*begun)
    assert answers.count(408) == 5, "each time one of them made way"


@pytest.mark.parametrize("served", [PATIENT], indirect=True)
async def test_a_message_that_breaks_off_is_no_error(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """It was logged with a traceback, for whoever knows no secret, as often as he likes."""
    host, _, port = served.address.partition(":")
    head = f"POST /webhook/desired HTTP/1.1\r\nHost: here\r\n{webhook.TOKEN}: guessed\r\nContent-Length: 9\r\n\r\n"
    opened = [await asyncio.open_connection(host, int(port)) for _ in range(webhook.OF_ONE)]
    for _, writer in opened:
        writer.write(head.encode() + b"half")
    async with asyncio.timeout(site.PATIENCE):
        while (await served.post("desired", OURS))[0] != 429:
            pass
        opened[0][1].close()
        while (await served.post("desired", OURS))[0] != 202:
            pass
    for _, writer in opened:
        writer.close()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


UNDECODABLE = b"Host: here\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nhunter2"
UNSIGNED = b"POST /webhook/desired HTTP/1.1\r\n"
MALFORMED = {
    "a header without an end": (UNSIGNED + b"Host: here\r\nX: " + b"x" * 100_000, 400),
    "a body of no length": (UNSIGNED + b"Host: here\r\nContent-Length: no\r\n\r\n", 400),
    "a name that is none": (UNSIGNED + b"Host: here\r\n\x1b[2J: hunter2\r\n\r\n", 400),
    "a body that does not decode, with a question": (b"GET /metrics HTTP/1.1\r\n" + UNDECODABLE, 404),
    "one for no address": (b"POST /none HTTP/1.1\r\n" + UNDECODABLE, 404),
    "one that nobody has signed": (UNSIGNED + UNDECODABLE, 401),
    "one with another token": (UNSIGNED + b"X-Gitlab-Token: guessed\r\n" + UNDECODABLE, 400),
}


@pytest.mark.parametrize(("sent", "status"), MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_request_is_one_line_of_the_log(
    served: Served, caplog: pytest.LogCaptureFixture, sent: bytes, status: int
) -> None:
    """It was a traceback, as often as a stranger likes."""
    host, _, port = served.address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    async with asyncio.timeout(site.PATIENCE):
        assert f" {status} ".encode() in await reader.read()
    writer.close()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    unread = sent.endswith(UNDECODABLE)
    assert record.getMessage().endswith("refused (RequestPayloadError)" if unread else "from 127.0.0.1")
    assert "\n" not in (said := logging.Formatter().format(record))
    assert "hunter2" not in said


@pytest.mark.parametrize("served", [{"within": 600.0, "slow": 0.0}], indirect=True)
async def test_who_is_slow_makes_way_for_who_comes(served: Served) -> None:
    """Four slow bodies with a signature of nothing held every place for ten seconds, again and again."""
    slow = Slow(served)
    begun = [asyncio.create_task(slow.send()) for _ in range(5 * webhook.OF_ONE)]
    async with asyncio.timeout(site.PATIENCE):
        while not any(one.done() for one in begun):
            assert (await served.post("desired", OURS))[0] == 202
    assert (await served.post("desired", OURS))[0] == 202
    slow.go.set()
    assert set(await asyncio.gather(*begun)) == {202, 408}


@pytest.mark.parametrize("served", [{"within": 0.05, "slow": 600.0}], indirect=True)
async def test_a_message_that_does_not_come_in_is_given_up(served: Served) -> None:
    slow = Slow(served)
    assert await asyncio.gather(*(slow.send() for _ in range(webhook.OF_ONE))) == [408] * webhook.OF_ONE
    assert not served.hinted


async def test_a_daemon_without_its_secret_does_not_start() -> None:
    def missing() -> str:
        raise errors.Terminal("the credentials file /etc/reconciler/hook cannot be read")

    server = webhook.Webhook(secret=missing, refs=dict, hint=lambda name: None, ready=lambda: "")
    with pytest.raises(errors.Terminal, match="/etc/reconciler/hook"):
        await server.start("127.0.0.1:0")
