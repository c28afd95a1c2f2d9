"""What a cluster holds and what it answers."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model import document, ids


@dataclass(frozen=True, slots=True)
class LiveMeta:
    """The metadata of a live object: all that the watches keep."""

    key: ids.ObjectKey
    uid: str
    resource_version: str
    entry: str
    """Fingerprint of our own Apply entry in managedFields (fieldsV1 and time); '' when we have none. It differs from
    the one our last reply carried exactly when somebody took or altered a field of ours (M1, Drift)."""
    mark: str
    """The text of the mark annotation; '' when there is none."""
    controlled: bool
    """True when a controller owns it (an ownerReference with controller: true): such an object is never ours."""
    deleting: bool
    labels: tuple[tuple[str, str], ...] = ()
    wave: int = 0
    """The wave it was applied in, so that what leaves goes in the reverse order."""
    keep: bool = False
    """Its annotation says that it is left where it is when it leaves Git."""
    deleting_since: str = ""
    finalizers: tuple[str, ...] = ()

    def owner(self) -> ids.Mark | None:
        """Whose it is; None when nobody's or when the mark was copied here."""
        return None if self.controlled else ids.Mark.parse(self.mark, on=self.key)


@dataclass(frozen=True, slots=True)
class LiveObject:
    """A whole live object. `body` is JSON as the server sent it (Secrets included: mask before showing, I13)."""

    meta: LiveMeta
    body: bytes

    def document(self) -> document.Json:
        return document.decode(self.body)


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One served version of a kind, from discovery."""

    kind: ids.KindKey
    version: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def api_version(self) -> str:
        return f"{self.kind.group}/{self.version}" if self.kind.group else self.version


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What a renderer and a planner need to know of a cluster."""

    version: str
    """`v1.36.3`."""
    types: tuple[ResourceType, ...]
    """All served versions, the preferred one of each kind first."""
    by_api_version: Mapping[tuple[str, str], ResourceType] = field(init=False, compare=False, repr=False)
    by_kind: Mapping[ids.KindKey, ResourceType] = field(init=False, compare=False, repr=False)
    digest: str = field(init=False, compare=False, repr=False)
    """Differs when something else is served."""

    def __post_init__(self) -> None:
        table = {(found.api_version, found.kind.kind): found for found in reversed(self.types)}
        served = (f"{found.api_version}/{found.kind.kind}/{found.namespaced}" for found in self.types)
        object.__setattr__(self, "by_api_version", table)
        object.__setattr__(self, "by_kind", {found.kind: found for found in reversed(self.types)})
        object.__setattr__(self, "digest", document.digest(self.version, *served))

    def find(self, api_version: str, kind: str) -> ResourceType | None:
        return self.by_api_version.get((api_version, kind))

    def preferred(self, kind: ids.KindKey) -> ResourceType | None:
        return self.by_kind.get(kind)


@dataclass(frozen=True, slots=True)
class Marked:
    """Objects that carry a mark. `unseen`: what could not be listed, one sentence each: unknown, not absent."""

    found: tuple[LiveMeta, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Happening:
    """What the cluster's own parts noted of one object: an Event. `at` is RFC 3339, of the newest of `count` times."""

    at: str
    count: int
    warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a container's log. `cut`: a bound in bytes fell within it, the newest lines may be missing."""

    lines: tuple[str, ...]
    cut: bool = False


class Why(enum.Enum):
    """Why the API server refused; what happens next differs for each."""

    OWNERSHIP = "ownership"  # another manager owns a field that we send: 409 with FieldManagerConflict causes
    STALE = "stale"  # 409 without causes: read again
    INVALID = "invalid"  # 422, 400, or 500 without a reason: the manifest is wrong
    DENIED = "denied"  # an admission webhook or policy said no
    NO_RIGHT = "no-right"  # RBAC says so: the message names user, verb and resource
    FORBIDDEN = "forbidden"  # a quota, or whatever else forbids it
    NO_NAMESPACE = "no-namespace"
    NO_KIND = "no-kind"  # the kind is not served (yet)
    TERMINATING = "terminating"  # the object or its namespace is being deleted
    NO_DRY_RUN = "no-dry-run"  # a webhook cannot take dry-runs: unknown, not an error
    UID_CHANGED = "uid-changed"  # it is another object of the same name now


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """One field that another manager owns. `manager` may carry a subresource: `kubectl with subresource "scale"`."""

    path: str
    manager: str
    applied: bool
    """True when that manager took it by server-side apply: a foreign Apply-manager is held and named, never forced."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server's no. A value, because deciding what it means is the planner's job."""

    key: ids.ObjectKey
    why: Why
    message: str
    """The server's own sentence; contents of Secrets are masked by the edge."""
    conflicts: tuple[FieldConflict, ...] = ()
    status: int = 0
    fields: tuple[str, ...] = ()
    """The fields that it names as the cause: `spec.selector`."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A successful apply or dry-run."""

    live: LiveObject
    created: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handover:
    """A change of metadata alone: who owns an object's fields from now on, and which annotations and labels it has.
    Everything is whole, not a difference; it is void when the object has changed since it was read."""

    uid: str
    resource_version: str
    managed_fields: bytes
    """A JSON list."""
    annotations: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]


class Propagation(enum.Enum):
    """What becomes of an object's children when it is deleted."""

    BACKGROUND = "Background"  # they go after it
    FOREGROUND = "Foreground"  # they go before it: it is gone when they are
    ORPHAN = "Orphan"  # they stay, and an object made anew takes them in again


@dataclass(frozen=True, slots=True)
class Deleted:
    """A delete that was accepted. `gone` is False while finalizers or children hold the object."""

    key: ids.ObjectKey
    gone: bool
    finalizers: tuple[str, ...] = ()
