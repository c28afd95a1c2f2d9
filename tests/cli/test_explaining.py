"""`explain`: the words, with a target's own facts where it is named."""

import json
from dataclasses import replace

import pytest

from reconciler.model import outcomes, records, words
from tests.cli import desk

Reason = outcomes.HoldReason


@pytest.mark.parametrize("columns", [80, 140])
def test_words_are_explained_without_settings_or_journal(a_desk: desk.Desk, columns: int) -> None:
    (a_desk.config / "deployment-config.yaml").unlink()
    listed = a_desk.run("explain", columns=columns)
    assert listed.exit_code == 0
    assert all(len(line) <= columns for line in listed.stdout.splitlines())
    assert {line.split()[0] for line in listed.stdout.splitlines()} >= {one.word for one in words.ALL}
    for word in ("quarantined", "unchanged", "drift-seen"):
        assert a_desk.run("explain", word).stdout.startswith(f"{word}, a")


def test_a_word_says_what_it_means_and_what_ends_it(a_desk: desk.Desk) -> None:
    text = a_desk.run("explain", "prune-limit", columns=200).stdout
    assert text.splitlines() == [
        "prune-limit, a hold",
        f"    {outcomes.EXITS[Reason.PRUNE_LIMIT].meaning}",
        f"    Ends: {outcomes.EXITS[Reason.PRUNE_LIMIT].ends}",
        f"    $ {outcomes.EXITS[Reason.PRUNE_LIMIT].command}",
    ]


def test_a_word_that_is_none(a_desk: desk.Desk) -> None:
    result = a_desk.run("explain", "quarantine")
    assert result.exit_code == 1
    assert "did you mean quarantined or quarantine-released?" in result.stderr
    assert "lists all words" in a_desk.run("explain", "xyzzy").stderr


def test_the_targets_own_facts(a_desk: desk.Desk) -> None:
    ledger = desk.held(Reason.PRUNE_LIMIT, "it would prune 4 of 5 objects")
    began = records.Event(records.EventKind.HELD, desk.AT, "it would prune 4", desk.WEB, (("reason", "prune-limit"),))
    a_desk.remember(ledger, events=(began,))
    text = a_desk.run("explain", "prune-limit", "production/web", columns=140).stdout
    assert "2026-01-01 10:00:00 UTC, hold: it would prune 4 of 5 objects" in text
    assert f'    $ reconciler confirm production/web --revision {desk.B} --why "…"' in text
    assert "{revision}" not in text
    assert a_desk.run("explain", "production/web", columns=140).stdout == text
    assert "event: it would prune 4" in a_desk.run("explain", "held", "production/web").stdout
    assert "Nothing of this target fits now" in a_desk.run("explain", "world", "production/web").stdout


def test_quarantines_are_listed(a_desk: desk.Desk) -> None:
    bad = records.Quarantine("inputs-b", desk.B, "it crashes", desk.AT)
    a_desk.remember(replace(desk.WELL, quarantined=(bad,)))
    found = json.loads(a_desk.run("explain", "quarantined", "production/web", "-o", "json").stdout)
    assert [one["sort"] for one in found["meanings"]] == ["hold", "event"]
    assert [fact["because"] for fact in found["facts"]] == ["inputs of bbbbbbbbbbbb, digest inputs-b: it crashes"]
    assert json.loads(a_desk.run("explain", "quarantined", "-o", "json").stdout)["facts"] is None


def test_the_quarantine_that_holds_is_told_once(a_desk: desk.Desk) -> None:
    bad = records.Quarantine("inputs-b", desk.B, "it crashes", desk.AT)
    ledger = desk.held(Reason.QUARANTINED, "it crashed before", digest="inputs-b")
    a_desk.remember(replace(ledger, quarantined=(bad, replace(bad, input_digest="inputs-c"))))
    found = json.loads(a_desk.run("explain", "quarantined", "production/web", "-o", "json").stdout)
    holds = [fact["because"] for fact in found["facts"] if fact["sort"] == "hold"]
    assert holds == ["it crashed before", "inputs of bbbbbbbbbbbb, digest inputs-c: it crashes"]


def test_a_target_that_stands_well_is_explained_by_its_outcome(a_desk: desk.Desk) -> None:
    a_desk.remember(desk.WELL)
    assert a_desk.run("explain", "production/web").stdout.startswith("unchanged, an outcome")
    assert a_desk.run("explain", "production/nothing").exit_code == 1
    assert a_desk.run("explain", "a/b/c").exit_code == 64
