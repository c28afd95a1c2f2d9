"""Health checks in their box: what they say of real objects, and that no expression gets far (rows.toml REN-16)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from reconciler.edges.cel import expressions
from reconciler.model import health, ids, live, targets
from tests.verify import examples

DATABASE = examples.found(
    "db.example.com/v1",
    "Database",
    metadata={"generation": 3},
    spec={"replicas": 2},
    status={"phase": "Running", "observedGeneration": 3, "replicas": 2, "members": [{"name": "a", "up": True}]},
)
KIND = ids.KindKey("db.example.com", "Database")


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cel() -> AsyncIterator[expressions.Cel]:
    made = expressions.Cel()
    yield made
    await made.close()


def check(current: str, *, in_progress: str = "", failed: str = "") -> targets.HealthCheck:
    return targets.HealthCheck(KIND, current, in_progress, failed, "web.yaml:7: verify.healthChecks[0]")


def found(made: examples.Doc = DATABASE) -> live.LiveObject:
    return examples.held(made)[examples.key(made)]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (check("status.phase == 'Running'"), health.Answer(current=True)),
        (check("status.phase == 'Done'"), health.Answer()),
        (check("status.observedGeneration == metadata.generation"), health.Answer(current=True)),
        (check("status.members.all(e, e.up) && status.replicas == spec.replicas"), health.Answer(current=True)),
        (check("has(status.ready) && status.ready"), health.Answer()),
        (check("has(data.password)"), health.Answer()),
        (check("true", failed="status.phase.matches('^Run')"), health.Answer(failed=True)),
        (check("true", in_progress="status.replicas < 3", failed="true"), health.Answer(in_progress=True)),
        # what comes after a true one is not asked, and cannot fail
        (check("status.nothing", in_progress="true"), health.Answer(in_progress=True)),
    ],
)
async def test_what_an_expression_says(cel: expressions.Cel, asked: targets.HealthCheck, said: health.Answer) -> None:
    assert await cel.evaluate(asked, found()) == said


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (check("status.ready == true"), '.current: NOT_FOUND: Key not found in map : "ready"'),
        (check("status.phase"), ".current: is 'Running', not true or false"),
        (check("status.replicas"), ".current: is '2', not true or false"),
        (check("true", failed="int(status.phase) == 1"), ".failed: INVALID_ARGUMENT: cannot convert string to int"),
        (check("status.phase == "), ".current: INVALID_ARGUMENT: ERROR: <input>"),
    ],
)
async def test_an_expression_that_fails_says_nothing(
    cel: expressions.Cel, asked: targets.HealthCheck, problem: str
) -> None:
    answer = await cel.evaluate(asked, found())
    assert answer == health.Answer(problem=answer.problem)
    assert answer.problem.startswith(f"web.yaml:7: verify.healthChecks[0]{problem}")


def doubled(levels: int, *, terms: int) -> str:
    """A list that is `terms` times as long at each level: short to write, too large to have."""

    def sum_of(name: str, count: int) -> str:
        return name if count == 1 else f"({sum_of(name, count // 2)}+{sum_of(name, count // 2)})"

    text = f"size(x{levels}) > 0"
    for level in range(levels, 0, -1):
        before = f"x{level - 1}" if level > 1 else "[1,2,3,4,5,6,7,8]"
        text = f"[{sum_of(before, terms)}].map(x{level},{text})[0]"
    return text


ROUNDS = "[1,2,3,4,5,6,7,8,9,0]"
LOOPS = "true"
for letter in "abcdefgh":
    LOOPS = f"{ROUNDS}.all({letter},{LOOPS})"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LOOPS, ".current: INTERNAL: Iteration budget exceeded"),
        (f"'{'a' * 300}!'.matches('(a+)+$')", ""),  # RE2 knows no catastrophe
        (doubled(4, terms=32), ": Database.db.example.com web/web: the box for CEL was ended by SIG"),
        (f"size({'[' * 200}{']' * 200}) > 0", ".current: "),
    ],
)
@pytest.mark.row("REN-16")
async def test_a_catastrophe_is_cut_and_the_next_question_is_answered(
    cel: expressions.Cel, text: str, problem: str
) -> None:
    answer = await cel.evaluate(check(text), found())
    assert not answer.current
    assert answer.problem.startswith(f"web.yaml:7: verify.healthChecks[0]{problem}") if problem else not answer.problem
    assert (await cel.evaluate(check("true"), found())).current


async def test_an_object_beyond_what_a_cluster_can_hold_is_a_problem(cel: expressions.Cel) -> None:
    huge = examples.found("db.example.com/v1", "Database", status={"log": "x" * (3 << 20)})
    answer = await cel.evaluate(check("size(status.log) > 0"), found(huge))
    assert answer.current or answer.problem
