"""What a plan shows of hooks whose namespace or kind the release itself brings."""

from dataclasses import replace
from typing import cast

import pytest

from reconciler import ports
from reconciler.model import hooks, manifests, records, sources
from reconciler.pipeline import heads, hooking
from tests.support import planned
from tests.support.fake_cluster import FakeCluster

Moment = hooks.Moment


def hook(manifest: manifests.Manifest, *moments: hooks.Moment, wave: int = 0) -> manifests.Manifest:
    return replace(manifest, hook=hooks.Hook(frozenset(moments), frozenset()), wave=wave)


NAMESPACE = planned.manifest("Namespace", "new", namespace="")
DEFINITION = planned.definition("checks.example.com", group="example.com", kind="Check")
CHECK = planned.manifest("Check", "ready", api_version="example.com/v1")
INSIDE = planned.manifest("ConfigMap", "inside", namespace="new")
ABROAD = CHECK.key._replace(namespace="new")
KIND, SPACE = "its kind is defined by this plan", "its namespace is created by this plan"


@pytest.mark.parametrize(
    ("wanted", "shown", "held"),
    [
        ([DEFINITION, hook(CHECK, Moment.POST_INSTALL)], [KIND], ""),
        ([DEFINITION, hook(CHECK, Moment.SYNC)], [KIND], ""),
        ([replace(DEFINITION, wave=1), hook(CHECK, Moment.SYNC)], [], "does not serve Check"),
        ([replace(DEFINITION, wave=1), hook(CHECK, Moment.SYNC, wave=1)], [KIND], ""),
        ([NAMESPACE, hook(replace(CHECK, key=ABROAD), Moment.POST_INSTALL)], [], "does not serve Check"),
        ([DEFINITION, hook(CHECK, Moment.FAILED)], [KIND], ""),
        ([DEFINITION, hook(CHECK, Moment.PRE_INSTALL)], [], "make that a hook of a lower weight"),
        ([hook(DEFINITION, Moment.PRE_INSTALL, wave=-1), hook(CHECK, Moment.PRE_INSTALL)], ["", KIND], ""),
        ([hook(DEFINITION, Moment.PRE_INSTALL, wave=1), hook(CHECK, Moment.PRE_INSTALL)], [""], "does not serve Check"),
        ([hook(CHECK, Moment.POST_INSTALL)], [], "does not serve Check"),
        ([NAMESPACE, hook(INSIDE, Moment.POST_INSTALL)], [SPACE], ""),
        ([NAMESPACE, hook(INSIDE, Moment.PRE_INSTALL)], [], "make it a hook of a lower weight"),
        ([hook(NAMESPACE, Moment.PRE_INSTALL, wave=-1), hook(INSIDE, Moment.PRE_INSTALL)], ["", SPACE], ""),
    ],
)
async def test_what_comes_before_a_hook_is_no_reason_to_refuse_it(
    wanted: list[manifests.Manifest], shown: list[str], held: str
) -> None:
    found = await hooking.planned(
        cast(ports.Cluster, FakeCluster()),
        heads.Prepared(planned.target(), sources.Inputs("a" * 40, ())),
        planned.manifest_set(*wanted),
        ledger=records.Ledger(planned.TARGET),
        rows=(),
        installation=planned.INSTALLATION,
    )
    assert [change.unknown for _, change in found.shown] == shown
    assert [held in hold.because for hold in found.holds] == ([True] if held else [])
