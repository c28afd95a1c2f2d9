"""What people do meanwhile: commits good, bad and broken, edits past Git, and requests."""

import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.model import document, ids, outcomes, records
from reconciler.sandbox import objects
from tests.simulation import git, scenery, story

ASKING = (
    (outcomes.HoldReason.PAUSED, records.RequestKind.RESUME),
    (outcomes.HoldReason.STOPPED, records.RequestKind.RESUME),
    (outcomes.HoldReason.MANY_FAILING, records.RequestKind.RESUME),
    (outcomes.HoldReason.PRUNE_LIMIT, records.RequestKind.CONFIRM),
    (outcomes.HoldReason.HISTORY_REWRITTEN, records.RequestKind.ACCEPT_HISTORY),
)
"""Holds that a person's request ends (`outcomes.EXITS`), without a commit."""

DEEDS = {
    "good": 6,
    "bad": 5,
    "broken": 2,
    "both": 1,
    "many-gone": 2,
    "shared": 1,
    "readme": 1,
    "back": 2,
    "rewrite": 2,
    "edit": 3,
    "remove": 2,
    "pause": 1,
    "sync": 1,
    "revert": 1,
    "release": 1,
}
"""What is done, and how often relative to the others."""


@dataclass(slots=True)
class People:
    chance: random.Random
    server: git.Server
    kept: objects.Objects
    told: story.Story
    ask: Callable[[records.Request], object]
    """Put a request into the journal."""
    versions: dict[str, scenery.Version] = field(default_factory=dict)
    """By the OID of a target's folder: what it holds."""
    numbers: int = 0
    asked: int = 0
    deeds: list[str] = field(default_factory=list)
    """What was done, in words that depend neither on the time nor on a revision."""

    def begin(self) -> None:
        """The first commit: everything good."""
        changes = dict(scenery.environments())
        first = {key: scenery.Version(0, extras=5 if key.application == "shop" else 2) for key in scenery.TARGETS}
        for key, version in first.items():
            changes |= scenery.files(key, version)
        self.push(changes, "everything", first)

    def version(self, key: ids.TargetKey, revision: str = "") -> scenery.Version | None:
        """What a revision (the head) holds for the target; None when nobody committed that."""
        found = git.at(self.server.commits[revision or self.server.ref_head].tree, scenery.folder(key))
        return self.versions.get(found.oid) if found else None

    def act(self) -> None:
        """One deed, by chance."""
        deed = self.chance.choices(list(DEEDS), weights=list(DEEDS.values()))[0]
        key = self.chance.choice(scenery.TARGETS)
        getattr(self, deed.replace("-", "_"))(key)

    # --- commits

    def good(self, key: ids.TargetKey) -> None:
        self.commit(key, self.fresh(key))

    def bad(self, key: ids.TargetKey) -> None:
        new = self.fresh(key)
        self.commit(key, dataclasses.replace(new, behaviour=self.chance.choice(scenery.BAD)))

    def broken(self, key: ids.TargetKey) -> None:
        self.commit(key, dataclasses.replace(self.fresh(key), broken=self.chance.choice(scenery.BROKEN)))

    def both(self, key: ids.TargetKey) -> None:
        """One commit on two targets, of which one is bad."""
        other = next(found for found in scenery.TARGETS if found != key)
        good, bad = self.fresh(key), dataclasses.replace(self.fresh(other), behaviour=self.chance.choice(scenery.BAD))
        self.push(
            scenery.files(key, good) | scenery.files(other, bad), f"{key} well, {other} bad", {key: good, other: bad}
        )

    def many_gone(self, key: ids.TargetKey) -> None:
        """First there are many, then few: the prune limit."""
        base = self.fresh(key)
        self.commit(key, dataclasses.replace(base, extras=0 if base.extras > 2 else 5))

    def shared(self, key: ids.TargetKey) -> None:
        self.numbers += 1
        self.push({f"{scenery.SHARED}/base.yaml": b"%d\n" % self.numbers}, "shared path", {})

    def readme(self, key: ids.TargetKey) -> None:
        self.numbers += 1
        self.push({"README.md": b"%d\n" % self.numbers}, "readme", {})

    def back(self, key: ids.TargetKey) -> None:
        """`git revert` by a person: what the target's folder held before."""
        now = git.at(self.server.commits[self.server.ref_head].tree, scenery.folder(key))
        revision = self.server.ref_head
        while self.server.commits[revision].parents:
            revision = self.server.commits[revision].parents[0]
            before = git.at(self.server.commits[revision].tree, scenery.folder(key))
            if before is not None and now is not None and before.oid != now.oid:
                head = self.server.commits[self.server.ref_head]
                root = git.put(head.tree, scenery.folder(key), before)
                new = self.server.add(root, parents=(head.revision,), author="Dev <d@e>", message=f"back: {key}")
                self._pushed(new, f"{key} back to {self.versions.get(before.oid)}")
                return

    def rewrite(self, key: ids.TargetKey) -> None:
        """A force-push: the newest commit is replaced by another one."""
        parents = self.server.commits[self.server.ref_head].parents
        if not parents:
            return
        version = self.version(key, parents[0]) or scenery.Version(0)
        self.numbers += 1
        new = scenery.changed(version, self.numbers, self.chance)
        revision = self.server.commit(scenery.files(key, new), message="rewritten", on=parents[0])
        self._learn(revision, {key: new})
        self._pushed(revision, f"{key} rewritten: {new}", force=True)

    def fresh(self, key: ids.TargetKey) -> scenery.Version:
        """A good version that was never there, on top of what is at the head."""
        self.numbers += 1
        return scenery.changed(self.version(key) or scenery.Version(0), self.numbers, self.chance)

    def commit(self, key: ids.TargetKey, version: scenery.Version) -> None:
        self.push(scenery.files(key, version), f"{key}: {version}", {key: version})

    def push(self, changes: dict[str, bytes], about: str, versions: dict[ids.TargetKey, scenery.Version]) -> None:
        revision = self.server.commit(dict(changes), message=about)
        self._learn(revision, versions)
        self._pushed(revision, about)

    def _learn(self, revision: str, versions: dict[ids.TargetKey, scenery.Version]) -> None:
        for key, version in versions.items():
            found = git.at(self.server.commits[revision].tree, scenery.folder(key))
            assert found is not None
            self.versions[found.oid] = version

    def _pushed(self, revision: str, about: str, *, force: bool = False) -> None:
        self.deeds.append(f"push {about}")
        self.told.tell(f"people {'force-' if force else ''}push {revision[:12]}: {about}")
        self.server.push(revision, who="people", force=force)

    # --- past Git

    def edit(self, key: ids.TargetKey) -> None:
        """kubectl edit."""
        name, space = key.application, key.environment
        deployment = ids.ObjectKey("apps", "Deployment", space, name)
        settings = ids.ObjectKey("", "ConfigMap", space, f"{name}-settings")
        self.numbers += 1
        match self.chance.randrange(3):
            case 0:
                self._update(settings, lambda body: body.update(data={"number": f"edited {self.numbers}"}))
            case 1:
                self._update(deployment, lambda body: document.mapping(body, "spec").update(replicas=1))
            case _:
                self._update(deployment, self.other_image)

    def other_image(self, body: document.Json) -> None:
        containers = document.items(body, "spec", "template", "spec", "containers")
        if containers and isinstance(containers[0], dict):
            containers[0]["image"] = f"edited:{self.numbers}"

    def _update(self, at: ids.ObjectKey, change: Callable[[document.Json], None]) -> None:
        self.deeds.append(f"edit {at}")
        self.told.tell(f"people edit {at}")
        self.kept.update(at, change, manager="kubectl-edit")

    def remove(self, key: ids.TargetKey) -> None:
        """kubectl delete."""
        name, space = key.application, key.environment
        choices = [ids.ObjectKey("", "ConfigMap", space, f"{name}-settings")]
        choices += [ids.ObjectKey("apps", "Deployment", space, name)]
        at = self.chance.choice(choices)
        self.deeds.append(f"delete {at}")
        self.told.tell(f"people delete {at}")
        self.kept.delete(at)

    # --- requests

    def pause(self, key: ids.TargetKey) -> None:
        self.request(records.RequestKind.PAUSE, key)

    def sync(self, key: ids.TargetKey) -> None:
        self.request(records.RequestKind.SYNC, key)

    def revert(self, key: ids.TargetKey) -> None:
        self.request(records.RequestKind.REVERT, key)

    def release(self, key: ids.TargetKey) -> None:
        self.request(records.RequestKind.RELEASE_QUARANTINE, key)

    def request(self, kind: records.RequestKind, key: ids.TargetKey, argument: str = "") -> None:
        self.asked += 1
        self.deeds.append(f"ask {kind.value} {key}")
        self.told.tell(f"people ask {kind.value} {key} {argument[:12]}".rstrip())
        at = f"2026-01-01T00:00:00.{self.asked:03}Z"
        self.ask(records.Request(f"request-{self.asked}", kind, key, "alice", "the simulation wants it", at, argument))

    def follow_exit(self, key: ids.TargetKey, hold: outcomes.Hold) -> bool:
        """Do what the hold says ends it; False when that is nothing for a request."""
        for reason, kind in ASKING:
            if hold.reason is reason:
                self.request(kind, key, hold.revision if kind is not records.RequestKind.RESUME else "")
                return True
        return False
