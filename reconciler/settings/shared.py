"""Groups that appear in more than one of the files: a deeper file overrides or tightens what an outer one says."""

from typing import Annotated

from pydantic import Field

from reconciler.model import targets
from reconciler.settings import base, values

COUNT = values.whole(least=0, most=100_000)
RESTARTS = values.whole(least=1, most=1_000)
DEADLINE = values.duration(least="1s", most="1d")
OBSERVE = values.duration(least="0s", most="7d")

Count = Annotated[int, COUNT]
Restarts = Annotated[int, RESTARTS]
Deadline = Annotated[float, DEADLINE]
Observe = Annotated[float, OBSERVE]
Drift = Annotated[targets.DriftMode, values.choice(targets.DriftMode)]
ApiVersion = Annotated[str, values.exactly("reconciler.dev/v1")]


class PruneOverride(base.Settings):
    """A tighter limit on what one plan may prune. It can only be smaller than the limit it narrows."""

    count: Count | None = Field(
        default=None, description="Objects. Left out: the limit of the level above, which it may not exceed."
    )
    percent: values.Percent | None = Field(
        default=None,
        description="Percent of the target's objects. Left out: the limit of the level above, which it may not exceed.",
    )


class VerifyOverride(base.Settings):
    """When a rollout has succeeded, where it differs from the level above. `verify.limits` on the disk are bounds."""

    progress_deadline: Deadline | None = Field(
        default=None,
        description="Time without progress after which a rollout has failed. Left out: as the level above says.",
    )
    observe: Observe | None = Field(
        default=None,
        description="How long everything must stay healthy before the release is good. Left out: as the level above"
        " says.",
    )
    restarts: Restarts | None = Field(
        default=None,
        description="Restarts of one container, with an exit of the application, that fail the release. Left out: as"
        " the level above says.",
    )
