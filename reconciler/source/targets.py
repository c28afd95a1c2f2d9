"""Which targets exist at a revision, and which known ones have no folder there any more."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import ids, outcomes

ROOT = "desired-state"
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS label: the application's name goes into names of Kubernetes objects."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The targets of one environment at one revision."""

    present: tuple[ids.TargetKey, ...]
    missing: tuple[tuple[ids.TargetKey, outcomes.Hold], ...]
    """Known targets without a folder. They hold; what they run stays (I6)."""
    unnamed: tuple[str, ...]
    """One sentence per folder whose name can be no application's."""


def listed(environment: str, folders: Sequence[str], *, known: Sequence[ids.TargetKey], revision: str) -> Listed:
    """From the names of the folders directly below `desired-state/ENVIRONMENT`, and the targets the journal knows.

    A folder that has gone is not a wish to delete: an application goes away only by `state: absent` (I6, rows.toml
    GIT-16 and GIT-18). Known targets of other environments are passed over.
    """
    present = tuple(sorted(ids.TargetKey(environment, name) for name in set(folders) if NAME.fullmatch(name)))
    gone = sorted({key for key in known if key.environment == environment}.difference(present))
    return Listed(
        present=present,
        missing=tuple((key, missing(key, revision=revision)) for key in gone),
        unnamed=tuple(
            f"{ROOT}/{environment}/{name} is no application: its name must be lower-case letters, digits and hyphens,"
            f" at most 63"
            for name in sorted(set(folders))
            if not NAME.fullmatch(name)
        ),
    )


def missing(key: ids.TargetKey, *, revision: str) -> outcomes.Hold:
    """The hold of a target whose folder is not in the revision."""
    because = (
        f"{ROOT}/{key} is not in revision {revision}; nothing is deleted. To remove the application, bring the folder"
        f" back with `state: absent` in its application.yaml"
    )
    return outcomes.Hold(outcomes.HoldReason.PATH_MISSING, because, revision=revision)
