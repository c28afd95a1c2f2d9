"""What a delete does at once, on a control plane whose controllers stand still and in the sandbox. What controllers
do afterwards is in tests/sandbox/test_collecting.py."""

import pytest

from tests.contracts import twins
from tests.contracts.twins import SHOP, Side, Step, apply, delete, edit, make, object_of, remove
from tests.contracts.worlds import Json, config_map, deployment

pytestmark = pytest.mark.cluster


def finalized(*names: str, **data: str) -> Json:
    found = config_map(SHOP, **data)
    found["metadata"]["finalizers"] = list(names)
    return found


HELD = finalized("example.com/hold", a="1")
RELEASED: Json = {"metadata": {"finalizers": None}}
CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

CASES: dict[str, list[Step]] = {
    "nothing": [delete(config_map(SHOP))],
    "plain": [apply(config_map(SHOP)), delete(config_map(SHOP)), delete(config_map(SHOP))],
    "made-again": [apply(config_map(SHOP)), delete(config_map(SHOP)), apply(config_map(SHOP))],
    "held": [apply(HELD), delete(HELD), delete(HELD), edit(HELD, RELEASED)],
    "held-by-two": [
        apply(finalized("example.com/a", "example.com/b")),
        delete(config_map(SHOP)),
        edit(config_map(SHOP), {"metadata": {"finalizers": ["example.com/b"]}}),
        edit(config_map(SHOP), RELEASED),
    ],
    "applied-while-it-goes": [apply(HELD), delete(HELD), apply(finalized("example.com/hold", a="2"))],
    "a-finalizer-too-late": [
        apply(HELD),
        delete(HELD),
        apply(finalized("example.com/hold", "example.com/late", a="1")),
    ],
    "let-go-by-an-apply": [apply(HELD), delete(HELD), apply(config_map(SHOP, a="1")), apply(config_map(SHOP, a="1"))],
    "made-while-it-goes": [apply(HELD), delete(HELD), make(config_map(SHOP))],
    "a-workload": [apply(deployment(SHOP)), delete(deployment(SHOP)), apply(deployment(SHOP))],
    "with-generation-and-held": [
        apply(deployment(SHOP)),
        edit(deployment(SHOP), {"metadata": {"finalizers": ["example.com/hold"]}}),
        delete(deployment(SHOP)),
        edit(deployment(SHOP), RELEASED),
    ],
    "a-claim-is-protected": [
        apply(object_of("v1", "PersistentVolumeClaim", namespace=SHOP, spec=CLAIM)),
        delete(object_of("v1", "PersistentVolumeClaim", namespace=SHOP)),
    ],
    "made-already": [apply(config_map(SHOP)), make(config_map(SHOP))],
    "removed-by-another": [apply(config_map(SHOP)), remove(config_map(SHOP)), apply(config_map(SHOP))],
}


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_delete(sides: tuple[Side, Side], case: str) -> None:
    await twins.alike(sides, *CASES[case])
