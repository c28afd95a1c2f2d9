"""How a pass over a target ends, and every reason for which one may hold."""

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """How a pass ended. What happens next follows from the word alone."""

    UNCHANGED = "unchanged"
    HELD = "held"  # until the hold's exit is taken
    WAITING = "waiting"  # comes back at its due time or at an event
    ROLLED_OUT = "rolled-out"
    REVERTED = "reverted"
    FAILED = "failed"  # automation stopped for the target; somebody was paged


class HoldReason(enum.Enum):
    """Why a target stands still. `EXITS` has the way out of each (every hold has an exit)."""

    SOURCE_UNAVAILABLE = "source-unavailable"
    REF_MISSING = "ref-missing"
    HISTORY_REWRITTEN = "history-rewritten"
    UNTRUSTED = "untrusted"
    PATH_MISSING = "path-missing"
    EMPTY = "empty"
    SETTINGS_INVALID = "settings-invalid"
    RENDER_FAILED = "render-failed"
    CHART_UNAVAILABLE = "chart-unavailable"
    CLUSTER_UNAVAILABLE = "cluster-unavailable"
    RIGHTS_MISSING = "rights-missing"
    FOREIGN_INSTALLATION = "foreign-installation"
    JOURNAL_BEHIND = "journal-behind"
    OUTSIDE_LIMITS = "outside-limits"
    REFUSED = "refused"
    IMMUTABLE = "immutable"
    FOREIGN_MANAGER = "foreign-manager"
    UNMANAGED = "unmanaged"
    OTHER_OWNER = "other-owner"
    HANDS_UNKNOWN = "hands-unknown"
    PRUNE_LIMIT = "prune-limit"
    PROTECTED = "protected"
    QUARANTINED = "quarantined"
    PAUSED = "paused"
    STOPPED = "stopped"
    MANY_FAILING = "many-failing"
    FIRST_FAILED = "first-failed"
    UNPROVEN = "unproven"
    WORLD = "world"
    UPSTREAM = "upstream"
    DEPENDENCY = "dependency"


@dataclass(frozen=True, slots=True)
class Exit:
    """The way out of a hold: `command` for a person (a template, or '' when only `ends` ends it)."""

    meaning: str
    ends: str
    command: str = ""

    @property
    def by_itself(self) -> bool:
        """Whether time alone may end it, so that waiting for it is worth while: what `ends` begins with says so."""
        return self.ends.startswith("By itself")


EXITS: dict[HoldReason, Exit] = {
    HoldReason.SOURCE_UNAVAILABLE: Exit(
        "The Git repository cannot be read.",
        "By itself when the repository answers again; `reconciler doctor` says what is wrong.",
        "reconciler doctor",
    ),
    HoldReason.REF_MISSING: Exit(
        "The configured ref is not in the repository (branch deleted or renamed?).",
        "Push the ref again, or name the new one in config/deployment-config.yaml.",
    ),
    HoldReason.HISTORY_REWRITTEN: Exit(
        "The ref no longer descends from the revision deployed last: its history was rewritten.",
        "Accept the new history, or push the old one back.",
        'reconciler accept-history {environment}/{application} --revision {revision} --why "…"',
    ),
    HoldReason.UNTRUSTED: Exit(
        "The ref holds a commit that the repository's signature policy does not accept. What runs stays.",
        "Sign the commit again and push it, add the signer's key to the daemon's list, or name a commit that people"
        " have looked at as `signatures.trustedCommit` in deployment-config.yaml: it and all before it count then.",
    ),
    HoldReason.PATH_MISSING: Exit(
        "The application's folder or a path it reads is not in the revision. Unknown is not empty: nothing is deleted.",
        "A commit that restores the path; to remove the application, one that brings its folder back with"
        " `state: absent` in application.yaml (docs/how-to/remove-and-rename.md).",
    ),
    HoldReason.EMPTY: Exit(
        "The application renders to no object at all. Unknown is not empty: nothing is deleted.",
        "A commit that brings its manifests back.",
    ),
    HoldReason.SETTINGS_INVALID: Exit(
        "application.yaml or environment.yaml is not valid.",
        "A commit that corrects it; `reconciler config check` shows every error.",
    ),
    HoldReason.RENDER_FAILED: Exit(
        "The manifests cannot be rendered.",
        "A commit that corrects them; `reconciler plan --ref <branch>` shows the error beforehand.",
    ),
    HoldReason.CHART_UNAVAILABLE: Exit(
        "The application's chart cannot be had from its chart repository. What runs goes on.",
        "By itself when the repository has it: tried again with back-off; or a commit that names another version.",
    ),
    HoldReason.CLUSTER_UNAVAILABLE: Exit(
        "The API server cannot be reached or does not accept us.",
        "By itself when it answers again; `reconciler doctor` says what is wrong.",
        "reconciler doctor",
    ),
    HoldReason.RIGHTS_MISSING: Exit(
        "The API server does not let the daemon, or the user as whom the environment acts, do what the target needs.",
        "By itself when the right is granted, within a minute; `reconciler doctor` prints what grants it.",
        "reconciler doctor",
    ),
    HoldReason.FOREIGN_INSTALLATION: Exit(
        "The target record in the cluster belongs to another installation.",
        "If it was this one before its journal was lost: stop the daemon and rebuild the journal. Else stop the other"
        " installation and delete its record, or give one of them another environment.",
        'reconciler journal rebuild --why "…"',
    ),
    HoldReason.JOURNAL_BEHIND: Exit(
        "The journal is older than a target record in the cluster: it was restored from a backup. Nothing is done.",
        "Stop the daemon and start it with the newest journal; where that is lost, rebuild this one.",
        'reconciler journal rebuild --why "…"',
    ),
    HoldReason.OUTSIDE_LIMITS: Exit(
        "An object lies outside the namespaces or kinds that this environment allows.",
        "A commit that moves it, or a wider limit in config/deployment-config.yaml.",
    ),
    HoldReason.REFUSED: Exit(
        "The API server refused an object in the dry-run; nothing was written.",
        "A commit that corrects it, or the missing right, quota or policy; tried again with back-off.",
    ),
    HoldReason.IMMUTABLE: Exit(
        "A field differs that cannot be changed on a live object: it would have to be deleted and made again.",
        "A commit that takes the change back, gives the object another name, or allows the replacement with the"
        ' annotation `reconciler.dev/replace: "true"` (docs/how-to/replace.md).',
    ),
    HoldReason.FOREIGN_MANAGER: Exit(
        "Another tool applies the same fields.",
        "Stop the other tool from applying the object, or remove the fields from Git; tried again with back-off.",
    ),
    HoldReason.UNMANAGED: Exit(
        "An object of that name exists and was not made by this reconciler.",
        "A commit that takes it over with `adopt` in application.yaml (docs/how-to/adopt.md) or takes it out of Git; or"
        " delete or rename the live object. Tried again with back-off.",
    ),
    HoldReason.OTHER_OWNER: Exit(
        "The object belongs to another target.",
        "Remove it from one of the two targets, in one commit if it changes hands.",
    ),
    HoldReason.HANDS_UNKNOWN: Exit(
        "An object leaves the target, and another one, which cannot be read, may have taken it over. It stays.",
        "A commit that corrects the other target; looked at again every few seconds.",
    ),
    HoldReason.PRUNE_LIMIT: Exit(
        "The plan would prune more objects than the limit allows.",
        "Confirm the revision, or a commit that brings the objects back.",
        'reconciler confirm {environment}/{application} --revision {revision} --why "…"',
    ),
    HoldReason.PROTECTED: Exit(
        "The plan would prune objects of a protected kind.",
        "Confirm the revision, or a commit that brings the objects back.",
        'reconciler confirm {environment}/{application} --revision {revision} --why "…"',
    ),
    HoldReason.QUARANTINED: Exit(
        "These inputs failed here before and are not tried again.",
        "A commit that changes the inputs, or the release of the quarantine.",
        'reconciler release-quarantine {environment}/{application} --digest {digest} --why "…"',
    ),
    HoldReason.PAUSED: Exit(
        "A person paused the target.",
        "Resume it.",
        "reconciler resume {environment}/{application}",
    ),
    HoldReason.STOPPED: Exit(
        "The return to last good failed as well; automation stopped where traffic is healthiest.",
        "Repair what is broken, then resume; a new commit is tried after that.",
        "reconciler resume {environment}/{application}",
    ),
    HoldReason.MANY_FAILING: Exit(
        "More than a fifth of the targets failed within five minutes: that is no release's fault, nothing is reverted.",
        "By itself when the others recover; or resume the target.",
        "reconciler resume {environment}/{application}",
    ),
    HoldReason.FIRST_FAILED: Exit(
        "The first deployment failed: there is no last good to return to.",
        "A commit that corrects it, or the release of the quarantine to try the same again.",
        'reconciler release-quarantine {environment}/{application} --digest {digest} --why "…"',
    ),
    HoldReason.UNPROVEN: Exit(
        "While the release was observed its health could not be read, or what it had applied was changed past Git: last"
        " good stays as it was.",
        "By itself when health can be read again, or when what was changed is put back and stays so for a whole window."
        " Or a new commit, with `ignore` in application.yaml where somebody else goes on setting the field.",
    ),
    HoldReason.WORLD: Exit(
        "The release could not be judged because something outside of it fails.",
        "By itself: tried again with back-off; or at once.",
        "reconciler sync {environment}/{application}",
    ),
    HoldReason.UPSTREAM: Exit(
        "A path that the environment before it reads too has changed, and that one is not good with it yet.",
        "By itself when the environment named by promotesFrom is good with it; or a commit that takes it back.",
    ),
    HoldReason.DEPENDENCY: Exit(
        "An application named in dependsOn is not good with what it reads at this revision, or is not healthy.",
        "By itself when it is; looked at again every 30 s. Or a commit that corrects it, or takes its name out.",
    ),
}


FOR_ANOTHER = frozenset({HoldReason.DEPENDENCY, HoldReason.UPSTREAM})
"""Holds that another target ends by becoming good."""


PAGED = frozenset(
    {
        HoldReason.HISTORY_REWRITTEN,
        HoldReason.UNTRUSTED,
        HoldReason.FOREIGN_INSTALLATION,
        HoldReason.JOURNAL_BEHIND,
        HoldReason.STOPPED,
        HoldReason.MANY_FAILING,
        HoldReason.FIRST_FAILED,
        HoldReason.UNPROVEN,
        HoldReason.WORLD,
    }
)
"""Holds that somebody must hear of when they begin: a release is neither good nor undone, or history is in doubt."""

PAGED_LATE = frozenset({HoldReason.RIGHTS_MISSING})
"""Holds that somebody must hear of when they last: they end by themselves, but only when somebody does something. A
cluster that cannot be used holds all of its targets, and one that can be used in part some of them: it is told of once,
by the daemon."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One target standing still. `command` is filled in and can be pasted; '' where a commit or time ends it."""

    reason: HoldReason
    because: str
    revision: str = ""
    digest: str = ""

    def command(self, environment: str, application: str) -> str:
        return EXITS[self.reason].command.format(
            environment=environment, application=application, revision=self.revision, digest=self.digest
        )


@dataclass(frozen=True, slots=True)
class PassResult:
    """How one pass over one target ended. `due_in`: seconds until it wants to come back, None: only at an event."""

    outcome: Outcome
    because: str
    due_in: float | None = None
    hold: Hold | None = None
