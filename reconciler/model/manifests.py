"""Rendered objects: what a target wants to be in its cluster."""

from dataclasses import dataclass, field, replace

from reconciler.model import document, fields, hooks, ids


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object was written, for messages: a file of the repository and a line from 1 (0: not known)."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Manifest:
    """One desired object. `body` is its canonical JSON; nulls are stripped and `stringData` has become `data`."""

    key: ids.ObjectKey
    api_version: str
    """As written, `apps/v1` or `v1`."""
    body: bytes
    origin: Origin
    left: tuple[fields.Left, ...] = ()
    """Fields that are left to the cluster; `body` is without them."""
    born: bytes = b""
    """The whole body, with the fields of `left`, which an object that does not exist yet is made of. It may be another
    one at every render, and is no part of the digest."""
    rendered: str = ""
    """The digest as rendered, where what is sent was altered to fit what is live."""
    wave: int = 0
    """As its annotation says: what has a lower number is applied, and healthy, before. Of a hook: its weight."""
    hook: hooks.Hook | None = None
    """Set for what is run, and not kept."""
    _digest: str = field(default="", init=False, repr=False, compare=False)
    """Worked out once: every look at every object asks for it. `replace` makes one without."""

    @property
    def digest(self) -> str:
        if not self._digest:
            object.__setattr__(self, "_digest", self.rendered or document.digest(self.body))
        return self._digest

    def document(self) -> document.Json:
        """A fresh copy that the caller may change."""
        return document.decode(self.body)


@dataclass(frozen=True, slots=True)
class ManifestSet:
    """The rendered objects of one target, sorted by key, and what was left out on purpose."""

    manifests: tuple[Manifest, ...]
    notes: tuple[str, ...] = ()
    """What a person should know, one sentence each: `test hook pod/x left out`."""
    _digest: str = field(default="", init=False, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """Plan, approval, gate and apply all name this (I12). It does not depend on where an object was written."""
        if not self._digest:
            object.__setattr__(self, "_digest", document.digest(*(manifest.body for manifest in self.manifests)))
        return self._digest

    @property
    def kept(self) -> "ManifestSet":
        """What is to be in the cluster at rest: everything but hooks."""
        if all(manifest.hook is None for manifest in self.manifests):
            return self
        return replace(self, manifests=tuple(manifest for manifest in self.manifests if manifest.hook is None))

    def find(self, key: ids.ObjectKey) -> Manifest | None:
        return next((manifest for manifest in self.manifests if manifest.key == key), None)
