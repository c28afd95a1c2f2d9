"""Nothing is polled for an hour: a commit is deployed at once all the same, because something hints at it."""

import hashlib
import hmac
import json
import pathlib
import re
import urllib.request

from tests.support import gitserver, site

SECRET = "correct horse"


def _configure(a_site: site.Site, **repository: object) -> None:
    a_site.settings["repositories"]["desired"] |= {"poll": "1h"} | repository
    a_site.configure()


def _commit(a_site: site.Site, word: str) -> str:
    a_site.application("web", [site.config_map("word", word=word)])
    return a_site.commit(word)


def test_the_files_of_a_local_repository(a_site: site.Site) -> None:
    _configure(a_site)
    first = _commit(a_site, "first")
    a_site.start()
    a_site.wait_good(first)
    for word in ("second", "third"):
        a_site.wait_good(_commit(a_site, word))


def test_the_webhook_of_a_git_host(a_site: site.Site, tmp_path: pathlib.Path) -> None:
    (tmp_path / "hook").write_text(f"{SECRET}\n")
    a_site.settings["webhook"] = {"secretFile": str(tmp_path / "hook"), "address": "127.0.0.1:0"}
    with gitserver.running(tmp_path / "served") as server:
        (server.root / "desired.git").symlink_to(a_site.remote)
        _configure(a_site, url=f"{server.url}/desired.git", allowLocal=False, credentials=server.credentials(tmp_path))
        first = _commit(a_site, "first")
        a_site.start()
        a_site.wait_good(first)
        second = _commit(a_site, "second")
        address = a_site.wait(lambda: re.search(r"webhook on (http://[\d.:]+)", a_site.log()), what="the webhook")[1]
        assert _push(f"{address}/webhook/desired") == 202
        a_site.wait_good(second)


def _push(url: str) -> int:
    """What GitHub sends of a push to main; the status of the answer."""
    body = json.dumps({"ref": "refs/heads/main"}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - on loopback
    with urllib.request.urlopen(request, timeout=site.PATIENCE) as reply:  # noqa: S310
        return int(reply.status)
