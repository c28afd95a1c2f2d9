"""Seeded chance: different draws, the same for everybody."""

import uuid

from reconciler import ports
from reconciler.sandbox import chance


def fulfils_the_port(found: chance.SeededChance) -> ports.Chance:
    return found  # checked by mypy


def test_the_same_seed_draws_the_same() -> None:
    one, same, other = chance.SeededChance("1"), chance.SeededChance("1"), chance.SeededChance("2")
    drawn = [(its.operation_id(), its.jitter(10)) for its in (one, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_an_operation_id_is_a_uuid_and_no_two_are_equal() -> None:
    its = chance.SeededChance("1")
    drawn = [its.operation_id() for _ in range(1000)]
    assert {uuid.UUID(found).version for found in drawn} == {4}
    assert [str(uuid.UUID(found)) for found in drawn] == drawn
    assert len(set(drawn)) == 1000


def test_jitter_spreads_over_a_tenth_either_way() -> None:
    its = chance.SeededChance("1")
    drawn = [its.jitter(100) for _ in range(1000)]
    assert 90 <= min(drawn) < 91
    assert 109 < max(drawn) <= 110
