"""What the journal promises (`ports.Journal`), on a real database file."""

import dataclasses
import datetime
import pathlib
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from reconciler import errors, ports
from reconciler.edges.journal import database, journal, rows, statements
from reconciler.edges.journal import memory as memories
from reconciler.model import records, rollouts
from tests.edges.journal import examples
from tests.edges.journal.examples import NAMESPACE, OTHER, TARGET, WEB


def fulfils_the_port(found: journal.SqlJournal) -> ports.Journal:
    return found  # checked by mypy


def table(path: pathlib.Path, name: str) -> list[dict[str, Any]]:
    """The table as an operator sees it."""
    base = database.Database(path, read_only=True)
    found = base.read(lambda tx: [dict(row) for row in tx.all(f"SELECT * FROM {name}")])  # noqa: S608 - our tables
    base.close()
    return found


async def test_a_target_never_seen_has_an_empty_ledger(memory: journal.SqlJournal) -> None:
    assert await memory.ledger(TARGET) == records.Ledger(TARGET)
    assert await memory.targets() == ()
    assert await memory.head() == (0, "")


def test_the_full_example_sets_every_field() -> None:
    """Else the round trip below would say nothing about a field that was added to the ledger."""
    for noun in (examples.FULL_LEDGER, examples.ROLLOUT, examples.row()):
        defaults = {field.name: field.default for field in dataclasses.fields(noun)}
        assert [name for name, default in defaults.items() if getattr(noun, name) == default] == []


async def test_a_ledger_comes_back_as_it_was_written(memory: journal.SqlJournal, path: pathlib.Path) -> None:
    epoch = await memory.lead("a")
    await memory.write(examples.FULL_LEDGER, events=(), epoch=epoch)
    await memory.write(records.Ledger(OTHER), events=(), epoch=epoch)
    assert await memory.ledger(TARGET) == examples.FULL_LEDGER
    assert await memory.targets() == (TARGET, OTHER)
    (row, _) = table(path, "targets")
    assert (row["outcome"], row["hold"], row["revision"], row["last_good"]) == ("held", "refused", "b" * 40, "a" * 40)


async def test_what_is_written_again_is_replaced_whole(memory: journal.SqlJournal, path: pathlib.Path) -> None:
    """The same column by column: a replacing statement that forgot one would keep what is old in it."""
    epoch = await memory.lead("a")
    again = records.InventoryRow(WEB, "uid-2", "manifest-c", "{}", "43", "r2", drifted=False)
    rollout = rollouts.Rollout(
        "r1", OTHER, rollouts.Purpose.RELEASE, "f" * 40, "input-f", "manifest-f", "more", "2026-01-02T10:00:00Z"
    )
    for row, its in ((examples.row(), examples.ROLLOUT), (again, rollout)):
        await memory.adopt_rows(TARGET, [row], epoch=epoch)
        await memory.write(examples.FULL_LEDGER, events=(), epoch=epoch)
        await memory.write(dataclasses.replace(records.Ledger(TARGET), rollout=its), events=(), epoch=epoch)
    assert table(path, "inventory") == [rows.of_inventory(TARGET, again)]
    assert table(path, "targets") == [rows.of_ledger(records.Ledger(TARGET, rollout=rollout))]
    assert table(path, "rollouts") == [{**rows.of_rollout(rollout), "ended_at": None, "outcome": ""}]


seconds = st.floats(0, allow_nan=False, allow_infinity=False)
any_rollout = st.builds(rollouts.Rollout, spent=seconds, clock=seconds, unwell=seconds)
any_ledger = st.builds(records.Ledger, rollout=st.none() | any_rollout)


@hypothesis.given(any_ledger)
@hypothesis.settings(max_examples=60, deadline=None)
def test_no_ledger_is_lost_in_its_text(ledger: records.Ledger) -> None:
    base = memories.Memory(installation="x", now=lambda: datetime.datetime.now(datetime.UTC)).base
    base.write(lambda tx: statements.write(tx, ledger, events=(), at=examples.AT))
    assert base.read(lambda tx: statements.ledger(tx, ledger.target)) == ledger


async def test_text_that_utf8_cannot_carry_stops_nothing(memory: journal.SqlJournal) -> None:
    """Git file names may be any bytes; Python reads them as lone surrogates."""
    epoch = await memory.lead("a")
    ledger = records.Ledger(TARGET, because="file caf\udce9.yaml")
    await memory.write(ledger, events=[examples.event("file caf\udce9.yaml")], epoch=epoch)
    assert (await memory.ledger(TARGET)).because == "file caf?.yaml"
    assert (await memory.events(after=0, limit=9))[0].event.because == "file caf?.yaml"


async def test_a_ledger_of_a_newer_shape_is_refused(memory: journal.SqlJournal, path: pathlib.Path) -> None:
    await memory.write(records.Ledger(TARGET), events=(), epoch=await memory.lead("a"))
    base = database.Database(path, read_only=False)
    base.write(lambda tx: tx.run("UPDATE targets SET shape = :newer", {"newer": rows.SHAPE + 1}))
    base.close()
    with pytest.raises(errors.JournalUnusable, match=f"shape {rows.SHAPE + 1}"):
        await memory.ledger(TARGET)


async def test_events_are_numbered_and_found_by_target(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.write(records.Ledger(TARGET), events=[examples.event("1"), examples.event("2")], epoch=epoch)
    await memory.append([examples.event("3", target=None), examples.event("4", target=OTHER)], epoch=epoch)
    await memory.append([examples.event("5")], epoch=epoch)
    chain = await memory.events(after=0, limit=10)
    assert [(found.sequence, found.event.because) for found in chain] == [(n, str(n)) for n in range(1, 6)]
    assert chain[2].event == examples.event("3", target=None)
    assert await memory.head() == (5, chain[-1].hash)
    assert await memory.events(after=1, limit=2) == chain[1:3]
    assert [found.sequence for found in await memory.history(TARGET, limit=2)] == [5, 2]


async def test_an_event_cannot_be_changed_or_removed(memory: journal.SqlJournal, path: pathlib.Path) -> None:
    await memory.append([examples.event("1")], epoch=await memory.lead("a"))
    base = database.Database(path, read_only=False)
    for deed in ("UPDATE events SET because = '2'", "DELETE FROM events"):
        with pytest.raises(errors.Terminal, match="only ever appended"):
            base.write(lambda tx, deed=deed: tx.run(deed))
    base.close()
    assert [found.event.because for found in await memory.events(after=0, limit=9)] == ["1"]


async def test_an_intended_apply_has_a_pending_row_until_it_is_settled(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    intents = [examples.intent("1"), examples.intent("2", key=NAMESPACE), examples.push("3")]
    await memory.intend(intents, epoch=epoch)
    assert await memory.open_intents(TARGET) == tuple(intents)
    assert await memory.open_intents(OTHER) == ()
    pending = [records.InventoryRow(key, "", "", "", "", "r1") for key in (NAMESPACE, WEB)]
    assert list(await memory.inventory(TARGET)) == pending

    done = [
        records.Settled("1", records.Result.DONE, "configured", row=examples.row()),
        records.Settled("2", records.Result.REFUSED, "forbidden"),
        records.Settled("3", records.Result.DONE, "pushed"),
    ]
    await memory.settle(done, epoch=epoch)
    assert await memory.open_intents(TARGET) == ()
    assert await memory.inventory(TARGET) == (pending[0], examples.row())


async def test_an_intent_on_a_known_object_leaves_its_row_alone(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.adopt_rows(TARGET, [examples.row()], epoch=epoch)
    await memory.intend([examples.intent("1"), examples.intent("2", verb=records.Verb.DELETE)], epoch=epoch)
    await memory.intend([examples.intent("3", key=NAMESPACE, verb=records.Verb.DELETE)], epoch=epoch)
    assert await memory.inventory(TARGET) == (examples.row(),)
    await memory.settle([records.Settled("2", records.Result.DONE, "deleted", forget=WEB)], epoch=epoch)
    assert await memory.inventory(TARGET) == ()


async def test_deleted_and_made_anew_in_one_group_is_kept(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.adopt_rows(TARGET, [examples.row()], epoch=epoch)
    await memory.intend([examples.intent("1", verb=records.Verb.DELETE), examples.intent("2")], epoch=epoch)
    results = [
        records.Settled("1", records.Result.DONE, "deleted", forget=WEB),
        records.Settled("2", records.Result.DONE, "created", row=examples.row(uid="uid-2")),
    ]
    await memory.settle(results, epoch=epoch)
    assert await memory.inventory(TARGET) == (examples.row(uid="uid-2"),)


async def test_what_was_unknown_is_settled_when_it_is_found_out(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.intend([examples.intent("1")], epoch=epoch)
    await memory.settle([records.Settled("1", records.Result.UNKNOWN, "timed out")], epoch=epoch)
    assert await memory.open_intents(TARGET) == ()
    await memory.settle([records.Settled("1", records.Result.DONE, "read back", row=examples.row())], epoch=epoch)
    assert await memory.inventory(TARGET) == (examples.row(),)


async def test_the_first_final_outcome_stands(memory: journal.SqlJournal, path: pathlib.Path) -> None:
    """Died between settling a push and writing the ledger, the next start settles it once more, in whatever words."""
    epoch = await memory.lead("a")
    await memory.intend([examples.push("1")], epoch=epoch)
    for settled in (
        records.Settled("1", records.Result.DONE, "pushed"),
        records.Settled("1", records.Result.DONE, "it is there already"),
        records.Settled("1", records.Result.ABANDONED, "overtaken"),
    ):
        await memory.settle([settled], epoch=epoch)
    assert [(row["result"], row["because"]) for row in table(path, "intents")] == [("done", "pushed")]


@pytest.mark.parametrize("verb", [records.Verb.APPLY, records.Verb.HAND_OVER])
async def test_what_is_taken_over_says_so_from_the_intent_on(memory: journal.SqlJournal, verb: records.Verb) -> None:
    epoch = await memory.lead("a")
    await memory.adopt_rows(TARGET, [examples.row()], epoch=epoch)
    taken = (examples.intent(key.path, key=key, verb=verb) for key in (NAMESPACE, WEB))
    await memory.intend([dataclasses.replace(intent, maker=records.ADOPTED) for intent in taken], epoch=epoch)
    pending = records.InventoryRow(NAMESPACE, "", "", "", "", records.ADOPTED)
    assert await memory.inventory(TARGET) == (pending, dataclasses.replace(examples.row(), rollout=records.ADOPTED))


async def test_what_was_never_intended_cannot_be_settled(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.intend([examples.intent("1")], epoch=epoch)
    results = [records.Settled("1", records.Result.DONE, ""), records.Settled("2", records.Result.DONE, "")]
    with pytest.raises(errors.Terminal, match="no intent 2"):
        await memory.settle(results, epoch=epoch)
    assert await memory.open_intents(TARGET) == (examples.intent("1"),)


async def test_the_same_deed_may_be_intended_again_under_the_new_epoch(
    memory: journal.SqlJournal, path: pathlib.Path
) -> None:
    """Died between the intent of a push and the ledger that knows it, the next start pushes the same commit."""
    first = await memory.lead("a")
    await memory.intend([examples.push("1"), examples.push("2"), examples.push("3")], epoch=first)
    results = [records.Settled("1", records.Result.ABANDONED, ""), records.Settled("2", records.Result.DONE, "pushed")]
    await memory.settle(results, epoch=first)
    second = await memory.lead("b")
    await memory.intend([examples.push("1"), examples.push("2"), examples.push("3")], epoch=second)
    assert await memory.open_intents(TARGET) == (examples.push("1"), examples.push("3"))
    assert [(row["operation"], row["epoch"]) for row in table(path, "intents")] == [
        ("1", second),
        ("2", first),
        ("3", second),
    ]


async def test_an_operation_id_means_one_deed(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.intend([examples.intent("1")], epoch=epoch)
    for other in (examples.intent("1", key=NAMESPACE), examples.intent("1", verb=records.Verb.DELETE)):
        with pytest.raises(errors.Terminal, match="an id is used once"):
            await memory.intend([examples.intent("2"), other], epoch=epoch)
    with pytest.raises(errors.Terminal, match=r"intents\.operation"):
        await memory.intend([examples.intent("3"), examples.intent("3")], epoch=epoch)
    assert await memory.open_intents(TARGET) == (examples.intent("1"),)


async def test_large_groups_are_one_transaction(memory: journal.SqlJournal) -> None:
    """More values than SQLite takes in one statement."""
    epoch = await memory.lead("a")
    many = [examples.intent(f"{number:05}", key=WEB._replace(name=f"w{number}")) for number in range(12_000)]
    await memory.intend(many, epoch=epoch)
    await memory.settle([records.Settled(found.operation, records.Result.DONE, "") for found in many], epoch=epoch)
    assert await memory.open_intents(TARGET) == ()
    assert len(await memory.inventory(TARGET)) == len(many)


async def test_the_owner_is_looked_for_among_the_targets_of_one_cluster(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.adopt_rows(TARGET, [examples.row()], epoch=epoch)
    assert await memory.owners([WEB, NAMESPACE], cluster_of=[OTHER, TARGET]) == {WEB: TARGET}
    assert await memory.owners([WEB], cluster_of=[OTHER]) == {}
    assert await memory.owners([], cluster_of=[TARGET]) == {}


async def test_a_plan_adds_and_forgets_what_it_read(memory: journal.SqlJournal) -> None:
    epoch = await memory.lead("a")
    await memory.adopt_rows(TARGET, [examples.row(), examples.row(NAMESPACE)], epoch=epoch)
    await memory.adopt_rows(TARGET, [examples.row(uid="uid-2")], forget=[NAMESPACE], epoch=epoch)
    assert await memory.inventory(TARGET) == (examples.row(uid="uid-2"),)
    await memory.adopt_rows(TARGET, [], epoch=epoch)
    assert await memory.inventory(TARGET) == (examples.row(uid="uid-2"),)


async def test_requests_are_answered_once_and_kept(memory: journal.SqlJournal, path: pathlib.Path) -> None:
    command = await journal.open_journal(path)
    asked = [examples.request("z"), examples.request("a", kind=records.RequestKind.CONFIRM)]
    for request in asked:
        await command.ask(request)
    with pytest.raises(errors.Terminal, match=r"requests\.id"):
        await command.ask(asked[0])
    assert await memory.open_requests() == tuple(asked)
    epoch = await memory.lead("a")
    await memory.answer(asked[0], answer="done", epoch=epoch)
    assert await memory.open_requests() == (asked[1],)
    assert await command.request("z") == dataclasses.replace(asked[0], answer="done")
    assert await command.request("b") is None
    with pytest.raises(errors.Terminal, match="no request b"):
        await memory.answer(examples.request("b"), answer="done", epoch=epoch)
    await command.close()


async def test_the_rollouts_of_a_target_are_listed(path: pathlib.Path) -> None:
    moment = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
    memory = await journal.open_journal(path, inline=True, now=lambda: moment)
    epoch = await memory.lead("a")
    release = dataclasses.replace(examples.ROLLOUT, purpose=rollouts.Purpose.RELEASE, phase=rollouts.Phase.APPLYING)
    newer = dataclasses.replace(release, id="r2", because="more")
    ledger = records.Ledger(TARGET, rollout=release)
    healthy = records.Event(records.EventKind.ROLLED_OUT, examples.AT, "all healthy", TARGET)
    preempted = records.Event(records.EventKind.PREEMPTED, examples.AT, "a newer commit", TARGET)
    steps: list[tuple[records.Ledger, list[records.Event]]] = [
        (ledger, []),
        (dataclasses.replace(ledger, rollout=release.enter(rollouts.Phase.WATCHING, now=1)), []),
        (dataclasses.replace(ledger, rollout=newer), [preempted]),
        (records.Ledger(TARGET), [healthy]),
        (records.Ledger(TARGET, because="nothing to do"), []),
    ]
    for step, events in steps:
        await memory.write(step, events=events, epoch=epoch)
    await memory.close()
    first, second = table(path, "rollouts")
    told = ("phase", "outcome", "because", "ended_at")
    ended = "2026-01-01T12:00:00.000Z"
    assert [first[name] for name in told] == ["watching", "pre-empted", "a newer commit", ended]
    assert [second[name] for name in told] == ["applying", "done", "all healthy", ended]


class Naps:
    """Counts the polls of `changes` instead of waiting for them."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, seconds: float) -> None:
        self.count += 1


async def test_changes_come_from_others_at_once_and_each_second_at_the_latest(path: pathlib.Path) -> None:
    naps = Naps()
    memory = await journal.open_journal(path, sleep=naps)
    command = await journal.open_journal(path)
    epoch = await memory.lead("a")
    changes = memory.changes()
    await anext(changes)
    assert naps.count == journal.POLLS_A_SECOND
    await memory.append([examples.event("our own")], epoch=epoch)
    await anext(changes)
    assert naps.count == 2 * journal.POLLS_A_SECOND
    await command.ask(examples.request("1"))
    await anext(changes)
    assert naps.count == 2 * journal.POLLS_A_SECOND + 1
    await memory.close()
    await command.close()
