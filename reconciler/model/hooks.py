"""Hooks: objects that are run before, with or after a release, once each, in place of being kept."""

import enum
from dataclasses import dataclass

from reconciler.model import ids

RUNS = frozenset({ids.KindKey("batch", "Job"), ids.KindKey("", "Pod")})
"""Kinds that run to an end. A hook of another kind (a ConfigMap, a ServiceAccount) is applied in its turn and stays."""

TTL_SEEN = 30
"""Seconds a finished Job must stay (`ttlSecondsAfterFinished`) for a watch to see how it ended for certain."""


class Moment(enum.Enum):
    """When a hook is due. An installation is a release of a target that was never good yet."""

    PRE_INSTALL = "pre-install"
    PRE_UPGRADE = "pre-upgrade"
    PRE_REVERT = "pre-revert"
    SYNC = "sync"  # with the waves: before those with a higher number
    POST_INSTALL = "post-install"
    POST_UPGRADE = "post-upgrade"
    POST_REVERT = "post-revert"
    FAILED = "sync-fail"


class Removal(enum.Enum):
    """When a hook's object is deleted. One of an earlier run goes before the next run in any case."""

    BEFORE = "before-hook-creation"
    SUCCEEDED = "hook-succeeded"
    FAILED = "hook-failed"


@dataclass(frozen=True, slots=True)
class Hook:
    """What an object's annotations say of it as a hook. Its place among others of a moment is the manifest's wave."""

    moments: frozenset[Moment]
    removals: frozenset[Removal] = frozenset()
