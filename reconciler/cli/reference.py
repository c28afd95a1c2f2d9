"""The pages of docs/reference/ that are made from the code, so that they cannot say anything else than it does."""

import inspect
import pathlib
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from typer import core

from reconciler import custom_kinds, kinds
from reconciler.app import describing
from reconciler.cli import exits, main
from reconciler.model import outcomes, words
from reconciler.settings import reference as settings_reference
from reconciler.settings import schemas

SCHEMAS = "schemas"
"""The folder of the JSON Schemas."""

MADE = "Made from the code by `reconciler docs`; a test fails when this page is out of date.\n"
"""Below every title."""


def register(app: typer.Typer) -> None:
    app.command("docs", hidden=True)(docs)


def docs(
    folder: Annotated[pathlib.Path, typer.Option(help="Where the pages are.")] = pathlib.Path("docs/reference"),
) -> None:
    """Write the reference pages anew: for people who change the code."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCHEMAS).mkdir(exist_ok=True)
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="utf-8")


def pages() -> dict[str, str]:
    """File name → content."""
    makers: dict[str, Callable[[], str]] = {
        "commands.md": commands,
        "exit-codes.md": exit_codes,
        "health.md": health,
        "holds.md": holds,
        "metrics.md": metrics,
        "settings.md": settings_reference.markdown,
        "words.md": outcomes_and_events,
    }
    made = {name: make() for name, make in makers.items()}
    return made | {f"{SCHEMAS}/{name}": page for name, page in schemas.pages().items()}


def holds() -> str:
    """Every hold with what ends it."""
    parts = [
        "# Holds\n",
        MADE,
        "A target that is held stands still until the hold's exit is taken; what runs goes on running. `reconciler"
        " status` shows the hold and, filled in, the command that ends it.\n",
        "| hold | what it means | what ends it |\n|---|---|---|",
    ]
    for reason, its_exit in outcomes.EXITS.items():
        command = f" `{its_exit.command}`" if its_exit.command else ""
        parts.append(f"| `{reason.value}` | {its_exit.meaning} | {its_exit.ends}{command} |")
    return "\n".join(parts) + "\n"


def outcomes_and_events() -> str:
    """Every other word of `status` and `history`."""
    parts = [
        "# Outcomes and events\n",
        MADE,
        "The words of `reconciler status`, `reconciler history`, the journal and the metrics; `reconciler explain WORD`"
        " says the same, with a target's own facts. Holds: [holds.md](holds.md).\n",
        "| outcome | what it means | what ends it |\n|---|---|---|",
        *(f"| `{outcome.value}` | {its.meaning} | {its.ends} |" for outcome, its in words.OUTCOMES.items()),
        "\n| event | what it means |\n|---|---|",
        *(f"| `{event.value}` | {meaning} |" for event, meaning in words.EVENTS.items()),
    ]
    return "\n".join(parts) + "\n"


def health() -> str:
    """Every kind with what makes it healthy."""
    parts = [
        "# Health\n",
        MADE,
        "How each kind is judged, and how to write a rule of your own: [health.md](../how-to/health.md). For every kind"
        " comes first: being deleted and an `observedGeneration` behind `metadata.generation` are progress, so is"
        " `Reconciling`; `Stalled` fails the release.\n",
        "## Kinds of Kubernetes\n",
        "| kind | healthy when |\n|---|---|",
    ]
    together: dict[str, list[str]] = {}
    for kind in kinds.KINDS.values():
        together.setdefault(kind.health, []).append(f"`{kind.key}`")
    parts += [f"| {', '.join(names)} | {kinds.HEALTH[rule]} |" for rule, names in together.items()]
    parts += [
        "\n## Custom resources\n",
        "Kinds that are not listed: conditions `Ready` and, where there is one, `Synced` are True. Failures of the"
        " world hold the rollout, those of the release take it back.\n",
        "| kind | healthy when | fails the release | held as the world's | suspended |\n|---|---|---|---|---|",
    ]
    by_rule: dict[custom_kinds.Rule, list[str]] = {}
    for key, rule in custom_kinds.RULES.items():
        named = f"`{key}`" if key.kind != custom_kinds.ANY else f"every other kind of `{key.group}`"
        by_rule.setdefault(rule, []).append(named)
    parts += [f"| {', '.join(names)} | {' | '.join(_custom(rule))} |" for rule, names in by_rule.items()]
    return "\n".join(parts) + "\n"


def _custom(rule: custom_kinds.Rule) -> tuple[str, str, str, str]:
    match rule:
        case custom_kinds.Silent():
            return "it is there", "–", "–", "–"
        case custom_kinds.ByWord():
            says = [", ".join(words) or "–" for words in (rule.well, rule.failed, rule.troubled)]
            return f"`{'.'.join(rule.path)}` says {says[0]}", says[1], says[2], "–"
        case custom_kinds.ByConditions():
            true = " and ".join(f"`{kind}`" for kind in rule.ready)
            at = f", for every parent in `status.{rule.parents}`" if rule.parents else ""
            failed, troubled, suspended = (
                "; ".join(map(str, signs)) or "–" for signs in (rule.failed, rule.troubled, rule.suspended)
            )
            return f"{true} {'is' if len(rule.ready) == 1 else 'are'} True{at}", failed, troubled, suspended


def metrics() -> str:
    """Every metric of the daemon."""
    parts = [
        "# Metrics\n",
        MADE,
        "Served on `/metrics` at `metrics.address` of the settings, by the conventions of Prometheus. No label holds"
        " free text.\n",
        "| name | type | labels | meaning |\n|---|---|---|---|",
    ]
    for found in describing.daemon_metrics():
        labels = ", ".join(f"`{label}`" for label in found.labels)
        parts.append(f"| `{found.name}` | {found.kind} | {labels or '–'} | {found.help} |")
    return "\n".join(parts) + "\n"


def exit_codes() -> str:
    """Every exit code, and what it means for single commands."""
    parts = [
        "# Exit codes\n",
        MADE,
        "They are stable: a script may branch on them.\n",
        "| code | meaning for every command, unless it is listed below |\n|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in exits.EVERY.items()),
        "\n| command | code | meaning |\n|---|---|---|",
    ]
    together: dict[tuple[tuple[int, str], ...], list[str]] = {}
    for command, meanings in sorted(exits.MEANINGS.items()):
        together.setdefault(tuple(meanings.items()), []).append(f"`{command}`")
    for shared, names in together.items():
        parts += [f"| {', '.join(names)} | {code} | {meaning} |" for code, meaning in shared]
    return "\n".join(parts) + "\n"


def commands() -> str:
    """Every command with its options, from what `--help` says."""
    parts = [
        "# Commands\n",
        MADE,
        "`reconciler COMMAND --help` says the same. What a command returns: [exit-codes.md](exit-codes.md).\n",
        "Requests (`sync`, `revert`, `pause`, …) are put into the journal with who and why; only the daemon that leads"
        " acts on them. Who is `$RECONCILER_USER`, else the user of the operating system and the machine.",
    ]
    for name, command in visible():
        context = typer.Context(command, info_name=f"reconciler {name}")
        parts += [f"\n## {name}\n", inspect.cleandoc(command.help or ""), "", f"    {_usage(command, context)}", ""]
        rows = [record for parameter in command.params if (record := parameter.get_help_record(context))]
        rows = [row for row in rows if "--help" not in row[0]]
        if rows:
            parts.append("| argument or option | meaning |\n|---|---|")
            parts += [f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in rows]
    return "\n".join(parts) + "\n"


def visible() -> Iterator[tuple[str, core.TyperCommand]]:
    """All commands that `--help` shows, by their full name: `audit verify`."""
    pending: list[tuple[str, object]] = [("", typer.main.get_command(main.app))]
    while pending:
        prefix, found = pending.pop(0)
        if isinstance(found, core.TyperGroup):
            context, names = typer.Context(found), sorted(found.commands)
            pending += [(f"{prefix} {name}".strip(), found.get_command(context, name)) for name in names]
        elif isinstance(found, core.TyperCommand) and not found.hidden:
            yield prefix, found


def _usage(command: core.TyperCommand, context: typer.Context) -> str:
    return " ".join([context.info_name or "", *command.collect_usage_pieces(context)])


def _cell(text: str) -> str:
    """Text in a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
