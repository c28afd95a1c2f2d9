"""What an API server's answers mean. Pure. Every rule is as seen on Kubernetes 1.36."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from reconciler import errors, kinds
from reconciler.model import document, ids, live, manifests

MASK = "***"
LONGEST_TEXT = 500
"""Characters kept of an answer that is no Status: an HTML page of a proxy says enough in its beginning."""

Json = document.Json  # within Reply, `document` is its method


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. Header names are lower-case; `warnings` holds every Warning header."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def document(self) -> document.Json:
        """Raises `errors.Transient` when the body is no JSON object: something between us and the server spoke."""
        try:
            return document.decode(self.body)
        except ValueError as error:
            # Not quoted: half an answer may hold the content of a Secret (I13).
            raise errors.Transient(f"the answer ({self._what()}) is no JSON object") from error

    def items(self) -> list[Json]:
        """Of a list. Raises `errors.Transient` for any other answer: what a proxy says in the server's place is not
        "there is nothing" (I6)."""
        found = self.document()
        if not document.text(found, "kind").endswith("List"):
            raise errors.Transient(f"the answer ({self._what()}) is no list")
        return [item for item in document.items(found, "items") if isinstance(item, dict)]

    def text(self) -> str:
        return self.body[: 4 * LONGEST_TEXT].decode(errors="replace").strip()[:LONGEST_TEXT]

    @property
    def retry_after(self) -> float | None:
        """Seconds; None when the server did not ask for a wait in seconds."""
        asked = self.headers.get("retry-after", "")
        return float(asked) if asked.isdecimal() else None

    def _what(self) -> str:
        return f"HTTP {self.status}, {len(self.body)} bytes of {self.headers.get('content-type', 'something')}"


@dataclass(frozen=True, slots=True)
class Cause:
    reason: str
    message: str
    field: str


@dataclass(frozen=True, slots=True)
class Status:
    """A `Status` body, read as JSON whatever its Content-Type says. `typed` False: the body was plain text."""

    code: int
    reason: str
    message: str
    causes: tuple[Cause, ...]
    details: document.Json
    typed: bool

    @classmethod
    def of(cls, reply: Reply) -> "Status":
        try:
            body = orjson.loads(reply.body)
        except ValueError:
            body = None
        if not isinstance(body, dict) or body.get("kind") != "Status":
            return cls(reply.status, "", reply.text(), (), {}, typed=False)
        return cls.read(body, code=reply.status)

    @classmethod
    def read(cls, body: document.Json, *, code: int) -> "Status":
        causes = tuple(
            Cause(document.text(found, "reason"), document.text(found, "message"), document.text(found, "field"))
            for found in document.items(body, "details", "causes")
            if isinstance(found, dict)
        )
        return cls(
            code,
            document.text(body, "reason"),
            document.text(body, "message"),
            causes,
            document.mapping(body, "details"),
            typed=True,
        )

    def has_cause(self, reason: str) -> bool:
        return any(cause.reason == reason for cause in self.causes)


STORAGE = re.compile(r"etcdserver:|rpc error:|context (deadline exceeded|canceled)|dial tcp|leader changed")
"""How storage trouble shows: as a 500 without a reason, as a bad manifest does."""

DENIED = re.compile(r"admission webhook .* denied the request|denied request:|violates PodSecurity")
NO_RIGHT = re.compile(r'User ".*" cannot ', re.DOTALL)
FAILED_WEBHOOK = re.compile(r"failed calling webhook")
NO_DRY_RUN = re.compile(r"does not support dry.?run", re.IGNORECASE)
CONFLICT = re.compile(r'^conflict with "(?P<manager>.*?)"(?P<rest>.*)$', re.DOTALL)
SUBRESOURCE = re.compile(r' with subresource "[^"]*"')
WARNING = re.compile(r'^299 \S+ "(?P<text>(?:[^"\\]|\\.)*)"')


def refusal(reply: Reply, key: ids.ObjectKey, *, manifest: manifests.Manifest | None = None) -> live.Refused:
    """The server's no to a request about `key`. Raises `errors.Transient` when it is no verdict on the request: an
    overload, an outage, credentials that are not accepted now.
    """
    status = Status.of(reply)
    message = masked(_message(status, key), manifest)
    _raise_transient(reply, status, said=f"{key}: {message}")
    why = _why(status, key)
    conflicts = tuple(_conflicts(status)) if why is live.Why.OWNERSHIP else ()
    fields = tuple(dict.fromkeys(cause.field for cause in status.causes if cause.field))
    return live.Refused(key, why, message, conflicts, status.code, fields)


UNAUTHORIZED = (
    "the API server does not accept our credentials (401); they were read again and are still refused: check the token"
    " or certificate of the cluster's kubeconfig"
)


def unanswered(reply: Reply, what: str) -> errors.Transient:
    """The error for a question about no single object that got no useful answer."""
    status = Status.of(reply)
    said = UNAUTHORIZED if status.code == 401 else f"{status.code} {status.message}"
    if status.code == 403:
        return errors.Forbidden(f"{what}: {said}")
    return errors.Transient(f"{what}: {said}", retry_after=reply.retry_after)


def denied(reply: Reply) -> bool:
    """Whether an admission webhook or policy said this, which may choose any status, also 429."""
    return bool(DENIED.search(Status.of(reply).message))


def warnings(reply: Reply, manifest: manifests.Manifest | None = None) -> tuple[str, ...]:
    """The server's warnings as sentences, contents of Secrets masked."""
    found = (WARNING.match(header) for header in reply.warnings)
    texts = (re.sub(r"\\(.)", r"\1", match["text"]) for match in found if match)
    return tuple(masked(text, manifest) for text in texts)


def _raise_transient(reply: Reply, status: Status, *, said: str) -> None:
    if DENIED.search(status.message):
        return
    wait = reply.retry_after
    if status.code == 401:
        raise errors.Transient(f"{UNAUTHORIZED}. {said}")
    if status.code == 429:
        raise errors.Transient(f"the API server is overloaded (429). {said}", retry_after=wait)
    manifest_is_wrong = status.typed and not status.reason and not STORAGE.search(status.message)
    if status.code >= 500 and not (status.code == 500 and manifest_is_wrong):
        raise errors.Transient(f"the API server failed ({status.code}). {said}", retry_after=wait)
    if status.code < 400:
        raise errors.Transient(f"the API server answered unexpectedly ({status.code}). {said}")


def _why(status: Status, key: ids.ObjectKey) -> live.Why:
    if NO_DRY_RUN.search(status.message):
        return live.Why.NO_DRY_RUN
    if status.has_cause("NamespaceTerminating"):
        return live.Why.TERMINATING
    if DENIED.search(status.message):
        return live.Why.DENIED
    match status.code:
        case 403 if "custom resource definition is terminating" in status.message:
            return live.Why.TERMINATING
        case 403 if NO_RIGHT.search(status.message):
            return live.Why.NO_RIGHT
        case 403:
            return live.Why.FORBIDDEN
        case 404:
            return _absent(status, key)
        case 409:
            return _conflict(status)
        case 422 if any(cause.field == "metadata.uid" for cause in status.causes):
            return live.Why.UID_CHANGED
    return live.Why.INVALID


def _absent(status: Status, key: ids.ObjectKey) -> live.Why:
    """A 404: the namespace, the kind, or the object itself."""
    if not status.typed or not document.text(status.details, "name"):
        return live.Why.NO_KIND
    if document.text(status.details, "kind") == "namespaces" and key.kind_key != ids.KindKey("", "Namespace"):
        return live.Why.NO_NAMESPACE
    return live.Why.STALE


def _conflict(status: Status) -> live.Why:
    if status.has_cause("FieldManagerConflict"):
        return live.Why.OWNERSHIP
    if "object is being deleted" in status.message:
        return live.Why.TERMINATING
    if "UID in the precondition" in status.message or "uid mismatch" in status.message:
        return live.Why.UID_CHANGED
    return live.Why.STALE


def _conflicts(status: Status) -> Iterator[live.FieldConflict]:
    """The manager is only in the text: `"x"` for an Apply-manager, `"x" using v1` for an Update-manager, and
    `"x" with subresource "scale" using apps/v1`."""
    for cause in status.causes:
        found = CONFLICT.match(cause.message)
        if cause.reason != "FieldManagerConflict" or not found:
            continue
        subresource = SUBRESOURCE.match(found["rest"])
        manager = found["manager"] + (subresource[0] if subresource else "")
        yield live.FieldConflict(cause.field, manager, applied=" using " not in found["rest"])


def _message(status: Status, key: ids.ObjectKey) -> str:
    """The server's sentence. Of a kind with secret fields, a complaint about its content is told by its fields alone:
    the server quotes the offending value (I13)."""
    if not _secret_fields(key) or status.code not in (400, 422, 500) or _about_admission(status):
        return status.message
    fields = sorted({f"{cause.field} ({cause.reason})" for cause in status.causes if cause.field})
    about = ", ".join(fields) if fields else "its content; the server's words are not shown, they may quote a value"
    return f"{key.kind} {key.name!r} is invalid: {about}"


def _about_admission(status: Status) -> bool:
    found = (DENIED, NO_DRY_RUN, FAILED_WEBHOOK)
    return any(pattern.search(status.message) for pattern in found)


def masked(text: str, manifest: manifests.Manifest | None = None) -> str:
    """`text` without any value of the manifest's secret fields, as written and decoded."""
    fields = _secret_fields(manifest.key) if manifest else ()
    if manifest is None or not fields:
        return text
    body = manifest.document()
    found: set[str] = set()
    for field in fields:
        for value in document.mapping(body, field).values():
            if isinstance(value, str):
                found |= {value, _decoded(value)}
    for value in sorted(found - {""}, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def _secret_fields(key: ids.ObjectKey) -> Sequence[str]:
    known = kinds.of(key)
    return known.secret_fields if known else ()


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
