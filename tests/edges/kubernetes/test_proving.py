"""The self-check that a token arrives (I25)."""

import pytest

from reconciler import errors
from reconciler.edges.kubernetes import credentials, proving


async def test_our_own_client_sends_it() -> None:
    await proving.authorization_is_sent()


async def test_a_client_that_sends_none_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As kubernetes 36.0.0 did: the token was kept under another key than the one it was looked for under."""
    monkeypatch.setattr(credentials, "TOKEN", "authorization")
    with pytest.raises(errors.Terminal, match=r"sends no Authorization header: .*install the versions of requirements"):
        await proving.authorization_is_sent()
