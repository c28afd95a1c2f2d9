"""Forcing is planned from the conflict."""

import pytest

from reconciler.model import live, outcomes
from reconciler.plan import forcing
from tests.support import planned

KEY = planned.key("Deployment", "web", group="apps")
EDIT = live.FieldConflict(".data.x", "kubectl-edit", applied=False)
STRIPPED = live.FieldConflict(".data.x", "before-first-apply", applied=False)
FLUX = live.FieldConflict(".data.y", "flux", applied=True)
PERSON = live.FieldConflict(".spec.replicas", 'kubectl with subresource "scale"', applied=False)
HPA = live.FieldConflict(".spec.replicas", 'kube-controller-manager with subresource "scale"', applied=False)


def refused(*conflicts: live.FieldConflict) -> live.Refused:
    return live.Refused(KEY, live.Why.OWNERSHIP, "Apply failed", conflicts, 409)


@pytest.mark.parametrize(
    ("conflicts", "expected"),
    [
        ((EDIT,), "takes back .data.x, which kubectl-edit sets"),
        ((STRIPPED,), "takes back .data.x, which before-first-apply sets"),
        ((PERSON,), 'takes back .spec.replicas, which kubectl with subresource "scale" sets'),
        (
            (EDIT, PERSON, live.FieldConflict(".data.z", "kubectl-edit", applied=False)),
            'takes back .spec.replicas, which kubectl with subresource "scale" sets and '
            ".data.x, .data.z, which kubectl-edit sets",
        ),
    ],
)
def test_who_updated_once_made_drift(conflicts: tuple[live.FieldConflict, ...], expected: str) -> None:
    assert forcing.decide(refused(*conflicts)) == forcing.Force(expected)


@pytest.mark.parametrize("conflicts", [(FLUX,), (EDIT, FLUX), (HPA, FLUX)])
def test_another_applier_is_never_forced(conflicts: tuple[live.FieldConflict, ...]) -> None:
    hold = forcing.decide(refused(*conflicts))
    assert isinstance(hold, outcomes.Hold) and hold.reason is outcomes.HoldReason.FOREIGN_MANAGER
    assert "flux" in hold.because and ".data.y" in hold.because and "kubectl-edit" not in hold.because


@pytest.mark.parametrize("conflicts", [(HPA,), (EDIT, HPA)])
def test_an_autoscaler_keeps_what_it_took(conflicts: tuple[live.FieldConflict, ...]) -> None:
    assert isinstance(forcing.decide(refused(*conflicts)), forcing.HandOver)


def test_unless_this_plan_removes_it() -> None:
    assert isinstance(forcing.decide(refused(HPA), released=True), forcing.Force)


def test_the_autoscalers_manager_on_another_field_is_an_ordinary_updater() -> None:
    conflict = live.FieldConflict(".data.x", "kube-controller-manager", applied=False)
    assert isinstance(forcing.decide(refused(conflict)), forcing.Force)


def test_a_conflict_that_names_nobody_is_never_forced() -> None:
    hold = forcing.decide(refused())
    assert isinstance(hold, outcomes.Hold) and hold.reason is outcomes.HoldReason.REFUSED
