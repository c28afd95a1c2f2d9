"""One try, from top to bottom: what the folder renders to, plan, apply, a second pass, removal."""

import collections
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler import errors
from reconciler.model import ids, manifests, outcomes, records, rollouts
from wild import blame, ground, looking

CREATED = 201
"""HTTP: a hook that runs again is created again, and is still one object."""
QUIET = 3.0
"""Seconds without a call after which a pass is over: a drift is seen, planned and healed within one."""
NAMESPACE = ids.KindKey("", "Namespace")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a pass, and for a hold to be believed, which the daemon looks at again after 30."""

    settle: float = 180.0
    held: float = 40.0


@dataclass(slots=True)
class Report:
    """What came of it; filled in on the way, so that a try that stops early is reported as well."""

    source: str
    shape: str
    kubernetes: str = ""
    objects: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    made_before: tuple[str, ...] = ()
    """Namespaces that the objects name and do not bring."""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    created: int = 0
    calls: int = 0
    """Of the first pass."""
    healthy: bool = False
    outcome: str = ""
    failures: tuple[blame.Failure, ...] = ()
    second: tuple[str, ...] | None = None
    """The counted calls of the second pass; None when there was none."""
    again: tuple[str, ...] | None = None
    """What a plan that knows nothing would write again."""
    removed: int = 0
    left: tuple[str, ...] | None = None
    memory: int | None = None
    """The most that the daemon held, in MiB."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def applied(self) -> bool:
        """Every object that the source renders to was created."""
        return self.objects > 0 and self.created == self.objects

    @property
    def clean(self) -> bool:
        return self.applied and self.second == () and self.again == () and self.left == ()


class Try:
    """One source on its ground. `said` hears each step as it begins."""

    def __init__(self, place: ground.Ground, *, patience: Patience, said: Callable[[str], None]) -> None:
        self._place = place
        self._patience = patience
        self._said = said
        self._sentences: list[str] = []
        self.report = Report(str(place.source.folder), place.source.shape.value)

    def run(self) -> Report:
        """All of it, as far as it goes."""
        self.report.kubernetes = ground.version(self._place.team.cluster)
        try:
            self._all()
        except (errors.ReconcilerError, ValueError) as error:
            self._sentences += list(getattr(error, "problems", None) or [str(error)])
        self.report.failures = blame.all_of(self._sentences)
        return self.report

    def _all(self) -> None:
        wanted = self._timed("render", self._render)
        if not self._timed("plan", self._plan):
            return
        revision = self._timed("apply", lambda: self._apply(wanted))
        if revision and self.report.created:
            self._timed("second pass", self._second_pass)
            self._timed("removal", lambda: self._remove(wanted))
        self.report.memory = self._place.memory()

    def _timed(self, step: str, work: Callable[[], Any]) -> Any:
        self._said(step)
        began = time.monotonic()
        try:
            return work()
        finally:
            self.report.seconds[step] = round(time.monotonic() - began, 1)

    def _render(self) -> manifests.ManifestSet:
        """Once without limits, to see which the source needs: a team that has it running has allowed them."""
        place = self._place
        place.configure(namespaces={"*"}, cluster_kinds=())
        place.give()
        place.commit_source()
        wanted = looking.render(place.team.config, place.target)
        keys = [manifest.key for manifest in wanted.manifests]
        brought = {key.name for key in keys if key.kind_key == NAMESPACE}
        named = {key.namespace for key in keys if key.namespace} | {place.namespace}
        place.configure(namespaces=named | brought, cluster_kinds={key.kind_key for key in keys if not key.namespace})
        place.make_namespaces((named - brought) | {ground.RECORDS})
        self.report.objects = len(keys)
        self.report.kinds = dict(collections.Counter(str(key.kind_key) for key in keys).most_common())
        self.report.made_before = tuple(sorted(named - brought))
        self.report.notes = wanted.notes
        return wanted

    def _plan(self) -> bool:
        """Whether the plan may be carried out."""
        plan = self._place.plan()
        self._sentences += [hold["because"] for hold in plan.get("holds", ())]
        self.report.notes = tuple(plan.get("notes", self.report.notes))
        return not self._sentences

    def _apply(self, wanted: manifests.ManifestSet) -> str:
        place = self._place
        mark = place.team.cluster.audit_mark()
        revision = place.team.git("rev-parse", "HEAD")
        ground.start(place)
        ledger = place.settled(revision, patience=self._patience.settle, held_for=self._patience.held)
        if ledger.rollout and ledger.rollout.phase is rollouts.Phase.SETTLING:
            self._sentences.append(f"not healthy: {ledger.because}; what waits behind it came with the next commit")
            revision = place.commit_nothing_new("Nothing new, so that nobody waits for what becomes healthy nowhere")
            ledger = place.settled(revision, patience=self._patience.settle, held_for=self._patience.held)
        calls = place.calls(after=mark)
        self.report.calls = len(calls)
        self.report.created = len({_about(line) for line in calls if line["responseStatus"].get("code") == CREATED})
        self._judge(ledger, revision)
        if self.report.created < len(wanted.manifests) and not self._sentences:
            self._sentences.append(f"{self.report.created} of {len(wanted.manifests)} objects were created")
        return revision

    def _judge(self, ledger: records.Ledger, revision: str) -> None:
        """How the first pass ended, in the daemon's own words."""
        report = self.report
        report.healthy = ledger.last_good is not None and ledger.last_good.revision == revision
        if report.healthy:
            report.outcome = "healthy"
            return
        report.outcome = f"{ledger.outcome.value if ledger.outcome else 'no pass'}: {ledger.because}"
        self._sentences.append(
            f"not healthy: {ledger.because}" if ledger.rollout and not ledger.hold else ledger.because
        )

    def _second_pass(self) -> None:
        place = self._place
        mark = place.team.cluster.audit_mark()
        revision = place.commit_nothing_new("Nothing new")
        place.settled(revision, patience=self._patience.settle, held_for=self._patience.held)
        place.quiet(after=mark, seconds=QUIET, patience=self._patience.settle)
        self.report.second = tuple(_told(line) for line in place.calls(after=mark))
        looked = looking.afresh(place.team.config, place.target)
        self.report.again = looking.changed(looked.writes)
        self.report.warnings = looked.warnings
        self._sentences += [hold.because for hold in looked.holds]
        self._sentences += [f"second pass: {call}" for call in self.report.second]
        self._sentences += [f"differs each time: {change}" for change in self.report.again]

    def _remove(self, wanted: manifests.ManifestSet) -> None:
        """Everything out of Git, with the confirmation that so many, and protected ones, need."""
        place = self._place
        mark = place.team.cluster.audit_mark()
        revision = place.commit_removal()
        ledger = place.settled(revision, patience=self._patience.settle, held_for=self._patience.held)
        if ledger.hold and ledger.hold.reason in (outcomes.HoldReason.PRUNE_LIMIT, outcomes.HoldReason.PROTECTED):
            place.team.command("confirm", str(place.target), "--revision", revision, "--why", "the end of the try")
            ledger = place.settled(
                revision, patience=self._patience.settle, held_for=self._patience.held, past=ledger.hold
            )
        if ledger.last_good is None or ledger.last_good.revision != revision:
            self._sentences.append(f"removal: {ledger.because}")
        keys = [manifest.key for manifest in wanted.manifests]
        left = looking.left(place.team.config, keys)
        deadline = time.monotonic() + self._patience.held
        while left and time.monotonic() < deadline:
            place.quiet(after=mark, seconds=1.0, patience=2.0)
            left = looking.left(place.team.config, [found.key for found in left])
        self.report.removed = len(keys) - len(left)
        self.report.left = tuple(f"{found.key}: {found.because}" for found in left)
        self._sentences += [f"left over: {sentence}" for sentence in self.report.left]


def _told(line: Mapping[str, Any]) -> str:
    code = line.get("responseStatus", {}).get("code", "?")
    return f"{line['verb']} {_about(line)} ({code})"


def _about(line: Mapping[str, Any]) -> str:
    """The object of an audit line."""
    about = line.get("objectRef", {})
    names = "/".join(about[part] for part in ("namespace", "name") if about.get(part))
    return f"{about.get('resource', '?')} {names}"
