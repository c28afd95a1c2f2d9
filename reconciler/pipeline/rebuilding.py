"""Gathers what clusters and Git still tell of a journal that was lost or is older than they are (S1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler import errors, ports
from reconciler.model import ids, live, records
from reconciler.pipeline import anchoring, deciding, heads, rendering, world
from reconciler.record import rebuilt

LOOK_BACK = 1000
"""Commits of the ref that are searched for inputs: what was good longer ago is proven anew."""


@dataclass(frozen=True, slots=True)
class Target:
    """`anchor`: the record that the target had, None when it had none. `notes`: what could not be restored."""

    ledger: records.Ledger
    inventory: tuple[records.InventoryRow, ...]
    anchor: records.TargetRecord | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """`targets`: those of which the clusters know better than the journal. `epoch`: the newest that they have seen."""

    installation: str
    epoch: int
    targets: tuple[Target, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the clusters hold for configured targets, by installation."""

    records: Mapping[str, Mapping[ids.TargetKey, records.TargetRecord]]
    marks: Mapping[str, Mapping[ids.TargetKey, Sequence[live.LiveMeta]]]
    notes: tuple[str, ...]

    def targets(self) -> dict[str, list[ids.TargetKey]]:
        found = {name: set(its) for name, its in self.records.items()}
        for name, marks in self.marks.items():
            found.setdefault(name, set()).update(marks)
        return {name: sorted(keys) for name, keys in found.items() if keys}


async def gather(here: world.World, *, asked: str) -> Found:
    """Read records, marks and Git. Writes nothing. `asked`: the installation that a person names, '' for our own.

    Raises `errors.InvalidInput` when it must not be rebuilt, whatever the edges raise when they cannot be asked:
    unknown is not absent (I6).
    """
    seen = await _look(here)
    ours, is_fresh = here.journal.installation, await anchoring.fresh(here.journal)
    installation, because = rebuilt.whose(ours, fresh=is_fresh, seen=seen.targets(), asked=asked)
    if because:
        raise errors.InvalidInput((because,))
    its_records, marks = seen.records.get(installation, {}), seen.marks.get(installation, {})
    gathering = _Gathering(here, installation)
    found = []
    for key in sorted({*its_records, *marks, *await here.journal.targets()}):
        if key.environment not in here.settings.environments:
            continue
        record = its_records.get(key) or await here.records_of(key).read_record(key)  # tells of a damaged one
        if record is not None and record.installation != installation:
            record = None
        target = await gathering.target(key, record, marks.get(key, ()))
        if target is not None:
            found.append(target)
    epoch = max((record.epoch for record in its_records.values()), default=0)
    return Found(installation, epoch, tuple(found), seen.notes)


async def _look(here: world.World) -> _Seen:
    of_records: dict[str, dict[ids.TargetKey, records.TargetRecord]] = {}
    of_marks: dict[str, dict[ids.TargetKey, list[live.LiveMeta]]] = {}
    notes: list[str] = []
    environments = here.settings.environments
    for name, cluster in sorted(here.clusters.items()):
        mine = {found for found, its in environments.items() if its.cluster == name}
        for record in await cluster.read_records():
            if record.target.environment in mine:
                of_records.setdefault(record.installation, {})[record.target] = record
        marked = await _marked(here, mine)
        notes += [f"cluster {name}: {sentence}" for sentence in marked.unseen]
        for meta in marked.found:
            owner = meta.owner()
            if owner is not None and owner.target.environment in mine:
                of_marks.setdefault(owner.installation, {}).setdefault(owner.target, []).append(meta)
    return _Seen(of_records, of_marks, tuple(notes))


async def _marked(here: world.World, environments: Iterable[str]) -> live.Marked:
    """What is marked in one cluster, as each of its environments sees it: once for those that see it alike."""
    asked: dict[ports.Cluster, set[str]] = {}
    for name in sorted(environments):
        spaces = (space for space in here.settings.environments[name].namespaces if "*" not in space)
        asked.setdefault(here.cluster_in(name), set()).update(spaces)
    answers = [await cluster.marked(sorted(namespaces)) for cluster, namespaces in asked.items()]
    found = {meta.key: meta for answer in answers for meta in answer.found}
    return live.Marked(tuple(found.values()), tuple(dict.fromkeys(one for answer in answers for one in answer.unseen)))


@dataclass(slots=True)
class _Gathering:
    """One target after the other; the history of a repository is read once."""

    here: world.World
    installation: str
    _heads: heads.Heads = field(init=False)
    _deciding: deciding.Deciding = field(init=False)
    _histories: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._heads = heads.Heads(self.here)
        its_rendering = rendering.Rendering(self.here.renderer, self.installation, opener=self.here.opener)
        self._deciding = deciding.Deciding(self.here, its_rendering, self._heads)

    async def target(
        self, key: ids.TargetKey, record: records.TargetRecord | None, marked: Sequence[live.LiveMeta]
    ) -> Target | None:
        """None where the journal knows as much."""
        journal = self.here.journal
        before, rows = await journal.ledger(key), await journal.inventory(key)
        inventory = rebuilt.inventory(rows, marked)
        foreign = self.installation != journal.installation
        if record is None or not (foreign or await anchoring.behind(journal, record)):
            return Target(before, inventory, record) if inventory != rows else None
        inputs = await self._inputs(key, {record.last_good, *record.quarantined} - {""}, first=record.revision)
        goods, notes = await self._good(record, inputs)
        revisions = {digest: prepared.inputs.revision for digest, prepared in inputs.items()}
        ledger = rebuilt.ledger(record, before=before, goods=goods, revisions=revisions, at=self.here.at())
        return Target(ledger, inventory, record, notes)

    async def _good(
        self, record: records.TargetRecord, inputs: Mapping[str, heads.Prepared]
    ) -> tuple[dict[str, records.Good], tuple[str, ...]]:
        if not record.last_good:
            return {}, ()
        prepared = inputs.get(record.last_good)
        if prepared is None:
            note = f"the inputs of last good are not in the newest {LOOK_BACK} commits: the head has to prove itself"
            return {}, (note,)
        notes: tuple[str, ...] = ()
        try:
            digest = (await self._deciding.render(prepared)).digest
        except errors.InvalidInput as error:
            digest, notes = "", (f"last good cannot be rendered now: {error}",)
        revision = prepared.inputs.revision
        return {record.last_good: records.Good(revision, record.last_good, digest, self.here.at())}, notes

    async def _inputs(self, key: ids.TargetKey, wanted: set[str], *, first: str) -> dict[str, heads.Prepared]:
        """Input digest → the target at the newest revision that has these inputs, the record's own before others."""
        found: dict[str, heads.Prepared] = {}
        history = await self._history(key) if wanted else ()
        likely = (first,) if first in history else ()
        for revision in (*likely, *history):
            if wanted <= found.keys():
                break
            try:
                prepared = await self._heads.prepare(key, revision)
            except errors.Terminal:  # what is not valid there was never deployed
                continue
            if prepared.inputs.digest in wanted:
                found.setdefault(prepared.inputs.digest, prepared)
        return found

    async def _history(self, key: ids.TargetKey) -> tuple[str, ...]:
        repository = self.here.repository_of(key)
        if repository.name not in self._histories:
            head = await repository.head()
            await repository.fetch(head)
            log = await repository.log(head, older="", limit=LOOK_BACK)
            self._histories[repository.name] = tuple(commit.revision for commit in log)
        return self._histories[repository.name]


def told(here: world.World, found: Found, *, who: str, why: str, before: tuple[int, str]) -> list[records.Event]:
    """What the chain says of it, the anchors that it leaves behind included: a later audit can be held against them."""
    was = here.journal.installation
    all_of_it = here.event(
        records.EventKind.REBUILT,
        f"{who}: {why}; {len(found.targets)} targets are as target records, marks and Git tell",
        installation=found.installation,
        instead_of=was,
        journal_ended=f"{before[0]} {before[1]}",
    )
    return [all_of_it, *(_told(here, target) for target in found.targets)]


def _told(here: world.World, target: Target) -> records.Event:
    anchor = target.anchor
    data = {"anchor": f"{anchor.sequence} {anchor.head_hash}", "epoch": str(anchor.epoch)} if anchor else {}
    because = "; ".join((summary(target), *target.notes))
    return here.event(records.EventKind.REBUILT, because, target=target.ledger.target, **data)


def summary(target: Target) -> str:
    """One target in a sentence."""
    ledger = target.ledger
    good = f"last good {ledger.last_good.revision[:12]}" if ledger.last_good else "no last good"
    still: Iterable[str] = filter(None, ("paused" if ledger.pause else "", "stopped" if ledger.stopped else ""))
    return ", ".join((good, f"{len(ledger.quarantined)} in quarantine", f"{len(target.inventory)} objects", *still))
