"""A plan as people and programs read it."""

import json
from dataclasses import replace

from reconciler.model import document, ids, outcomes, plans
from reconciler.plan import present
from tests.support import planned

Action = plans.Action
FIELDS = (
    plans.FieldChange("spec.image", '"a:1"', '"a:2"'),
    plans.FieldChange("spec.new", None, "1"),
    plans.FieldChange("spec.old", "true", None),
)
PLAN = plans.Plan(
    ids.TargetKey("production", "web"),
    "d1",
    (
        (
            plans.Change(Action.CREATED, planned.key("ConfigMap", "a"), "it does not exist"),
            plans.Change(Action.UNCHANGED, planned.key("ConfigMap", "b"), "live is as wanted"),
            plans.Change(Action.CONFIGURED, planned.key("Deployment", "web", group="apps"), "drift", fields=FIELDS),
        ),
    ),
    (plans.Change(Action.PRUNED, planned.key("ConfigMap", "old"), "it is no longer in Git"),),
)
HOLD = outcomes.Hold(outcomes.HoldReason.REFUSED, "ConfigMap web/x: no")


def one(change: plans.Change) -> plans.Plan:
    return plans.Plan(planned.TARGET, "d", ((change,),))


def test_text() -> None:
    assert (
        present.text(PLAN, holds=[HOLD], notes=["a note"])
        == """\
production/web

  + ConfigMap web/a  (it does not exist)
  ~ Deployment.apps web/web  (drift)
      spec.image: "a:1" → "a:2"
      spec.new: + 1
      spec.old: - true

prune, once everything is healthy
  - ConfigMap web/old  (it is no longer in Git)

held
  refused: ConfigMap web/x: no

note: a note

1 created, 1 configured, 1 pruned, 1 unchanged
"""
    )


def test_waves_are_numbered_when_there_are_several() -> None:
    change = plans.Change(Action.CREATED, planned.key("ConfigMap", "a"), "new", unknown="its namespace is created")
    early = replace(change, place=plans.Place(-1))
    shown = present.text(plans.Plan(planned.TARGET, "d", ((early,), (change,))))
    assert "1 of 2: wave -1\n" in shown and "2 of 2: wave 0\n" in shown
    assert "cannot tell more before it is applied: its namespace is created" in shown


def test_markdown() -> None:
    assert (
        present.markdown(PLAN, holds=[HOLD], notes=["see *this*"])
        == """\
### Plan for `production/web`

1 created, 1 configured, 1 pruned, 1 unchanged

> **Held, refused:** ConfigMap web/x: no

```diff
+ created ConfigMap web/a  (it does not exist)
! configured Deployment.apps web/web  (drift)
-   spec.image: "a:1"
+   spec.image: "a:2"
+   spec.new: 1
-   spec.old: true
- pruned ConfigMap web/old  (it is no longer in Git)
```

* see \\*this\\*
"""
    )


def test_nothing_to_do_is_said_in_one_line() -> None:
    unchanged = one(plans.Change(Action.UNCHANGED, planned.key("ConfigMap", "a"), "live is as wanted"))
    assert present.text(unchanged) == "production/web\n\n1 unchanged\n"
    assert "```" not in present.markdown(unchanged)
    assert present.counts(plans.Plan(planned.TARGET, "d", ())) == "no objects"


def test_a_value_can_neither_end_the_block_nor_move_the_cursor_nor_flood_the_screen() -> None:
    hostile = document.encode("```\n\x1b[2J\u202e\u009b" + "x" * 500).decode()
    change = plans.Change(
        Action.CONFIGURED, planned.key("ConfigMap", "a"), "why\n# not", fields=(plans.FieldChange("d", "1", hostile),)
    )
    for shown in (present.text(one(change)), present.markdown(one(change))):
        assert all(line.isprintable() for line in shown.splitlines())
        assert max(map(len, shown.splitlines())) < 200
    assert "\n````diff\n" in present.markdown(one(change))


def test_data_survives_json_and_carries_no_manifest() -> None:
    secret = planned.manifest("Secret", "s", data={"password": "b2xkIHNlY3JldA=="})
    change = plans.Change(Action.CREATED, secret.key, "it does not exist", manifest=secret)
    shown = present.data(one(change), holds=[HOLD])
    assert json.loads(json.dumps(shown)) == shown
    assert shown["counts"] == {"created": 1}
    assert shown["holds"] == [{"reason": "refused", "because": "ConfigMap web/x: no"}]
    assert "b2xk" not in json.dumps(shown) + present.text(one(change)) + present.markdown(one(change))


def test_every_action_has_a_symbol() -> None:
    assert set(present.SYMBOLS) == set(Action)
    assert len(set(present.SYMBOLS.values())) == len(Action)


def test_hooks_are_shown_with_when_they_run() -> None:
    key = ids.ObjectKey("batch", "Job", "web", "migrate")
    hook = plans.Change(Action.CREATED, key, "it is a hook")
    plan = plans.Plan(planned.TARGET, "d", (), hooks=(("before anything is applied", hook),))
    shown = "hooks, before anything is applied\n  + Job.batch web/migrate  (it is a hook)\n"
    assert shown in present.text(plan)
    marked = "# hook, before anything is applied\n+ created Job.batch web/migrate  (it is a hook)\n"
    assert marked in present.markdown(plan)
    (listed,) = present.data(plan)["hooks"]  # type: ignore[misc]
    assert isinstance(listed, dict)
    assert (listed["when"], listed["name"]) == ("before anything is applied", "migrate")
