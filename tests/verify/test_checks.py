"""Health by expressions: their answers become a state, and what says nothing never passes."""

import pytest

from reconciler.model import health, ids, live, targets
from reconciler.verify import objects, report
from tests.verify import examples

STATE = health.State
KIND = ids.KindKey("db.example.com", "Database")
CHECK = targets.HealthCheck(KIND, "status.phase == 'Running'")
PROBLEM = "web.yaml:7: verify.healthChecks[0].current: no such key"


def database(**status: object) -> examples.Doc:
    return examples.found("db.example.com/v1", "Database", metadata={"generation": 2}, status=status)


def judged(made: examples.Doc, answer: health.Answer | None) -> health.Report:
    verification = targets.Verification(600.0, 60.0, 3, (), checks=(CHECK,))
    followed: dict[ids.ObjectKey, live.LiveObject] = examples.held(made)
    return report.report(
        [examples.manifest(made)],
        followed,
        verification=verification,
        spent=30.0,
        samples=(),
        observing=False,
        answers={} if answer is None else {examples.key(made): answer},
    )


@pytest.mark.parametrize(
    ("made", "answer", "state", "because"),
    [
        (database(phase="a"), health.Answer(current=True), STATE.HEALTHY, "1 object is healthy"),
        (database(phase="a"), health.Answer(), STATE.PROGRESSING, "is not current yet, says its health check"),
        (database(phase="a"), health.Answer(in_progress=True), STATE.PROGRESSING, "is in progress"),
        (database(phase="a"), health.Answer(failed=True), STATE.DEGRADED, "has failed, says its health check"),
        (database(phase="a"), health.Answer(problem=PROBLEM), STATE.UNKNOWN, f"says nothing: {PROBLEM}"),
        (database(), health.Answer(problem=PROBLEM), STATE.PROGRESSING, "has no status yet, and its health check"),
        (database(phase="a"), None, STATE.UNKNOWN, "was not asked yet"),
        # a status from before the last change is not asked about
        (database(observedGeneration=1), health.Answer(current=True), STATE.PROGRESSING, "generation 1 of 2"),
        # the check stands in place of the conditions
        (
            database(conditions=examples.conditions(Ready="False")),
            health.Answer(current=True),
            STATE.HEALTHY,
            "healthy",
        ),
        (
            database(conditions=examples.conditions(Ready="True")),
            health.Answer(problem=PROBLEM),
            STATE.UNKNOWN,
            "says nothing",
        ),
    ],
)
def test_what_an_answer_means(
    made: examples.Doc, answer: health.Answer | None, state: health.State, because: str
) -> None:
    seen = judged(made, answer)
    assert seen.state is state, seen.because
    assert because in seen.because
    assert seen.blame is (health.Blame.RELEASE if state is STATE.DEGRADED else None)


def test_other_kinds_are_judged_as_ever() -> None:
    assert judged(examples.deployment(), None).state is STATE.HEALTHY
    assert objects.NOTHING_ASKED.kinds == frozenset()
