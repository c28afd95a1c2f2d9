"""Health checks in `application.yaml`: what cannot be an expression is told with file, line and place."""

import pytest

from reconciler import errors
from reconciler.settings import application, loading

HEAD = "apiVersion: reconciler.dev/v1\nkind: Application\nnamespace: web\nsource: {manifests: {}}\nverify:\n"
WHERE = "desired-state/production/web/application.yaml"


def loaded(checks: str) -> application.Application:
    return loading.load(application.Application, f"{HEAD}  healthChecks:\n{checks}", where=WHERE)


@pytest.mark.parametrize(
    "text",
    [
        "status.phase == 'Running'",
        "status.conditions.exists(e, e.type == 'Ready' && e.status == 'True')",
        "has(status.ready) ? status.ready : false",
        "data.state in ['a', 'b'] && metadata.generation == status.observedGeneration",
    ],
)
def test_expressions_that_are_ones(text: str) -> None:
    check = loaded(f'    - kind: Database.db.example.com\n      current: "{text}"\n').verify.health_checks[0]
    assert (check.current, check.failed, check.in_progress) == (text, None, None)


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (
            "kind: D.example.com\n      current: status.conditions.exists(",
            ":8: verify.healthChecks[0].current: is no CEL expression: line 1, column 26: Syntax error",
        ),
        (
            "kind: D.example.com\n      current: 'true'\n      failed: object.status == 1",
            ":9: verify.healthChecks[0].failed: is no CEL expression: line 1, column 7: undeclared",
        ),
        ("kind: D.example.com\n      current: status.lower()", "undeclared reference to 'lower'"),
        ("kind: D.example.com\n      current: " + "(" * 100 + "1" + ")" * 100, "is no CEL expression"),
        ("kind: D.example.com\n      current: " + "1+" * 600 + "1", "is longer than 1000 characters; ask for less"),
        ("kind: D.example.com\n      failed: 'true'", ":7: verify.healthChecks[0].current: is required"),
        ("kind: d.example.com\n      current: 'true'", "is no kind; write Kind or Kind.group"),
        (
            "kind: D.example.com\n      current: true",
            ":8: verify.healthChecks[0].current: is the boolean true where text is wanted",
        ),
        (
            "kind: Deployment.apps\n      current: 'true'",
            ":7: verify.healthChecks[0].kind: Deployment.apps has a rule that nothing replaces; remove the check",
        ),
        (
            "kind: D.example.com\n      current: 'true'\n    - kind: D.example.com\n      current: 'false'",
            ":9: verify.healthChecks[1].kind: D.example.com is judged by healthChecks[0] already; remove one of them",
        ),
    ],
)
def test_checks_that_are_refused(check: str, problem: str) -> None:
    with pytest.raises(errors.InvalidInput) as refused:
        loaded(f"    - {check}\n")
    assert any(problem in said for said in refused.value.problems), refused.value.problems
    assert all(said.startswith(f"{WHERE}:") for said in refused.value.problems)
