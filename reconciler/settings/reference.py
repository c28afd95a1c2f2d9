"""`docs/reference/settings.md`, made from the shapes, so that it cannot say anything else than the code does."""

from collections.abc import Iterator

from pydantic.fields import FieldInfo

from reconciler.settings import application, base, deployment, environment, structure

HEAD = """# Settings

Made from the models in `reconciler/settings/` by `reconciler docs`; a test fails when this page is out of date.

Every file is strict YAML: an unknown key, a duplicate key or a value of another type is an error. `reconciler config
check` tells all errors at once. Durations are written `30s`, `10m`, `1h30m` or as a number of seconds, sizes `64Mi` or
as bytes, percentages `20%`.

A file further down gives what the files above it leave open. Where a setting guards something (prune, namespaces,
cluster-scoped kinds, the bounds of the verification), it can only be made tighter.
"""

FILES = (
    (
        "`config/deployment-config.yaml`",
        "On the daemon's disk, never in the polled repository.",
        deployment.Deployment,
    ),
    ("`desired-state/<environment>/environment.yaml`", "In Git.", environment.Environment),
    (
        "`desired-state/<environment>/<application>/application.yaml`",
        "In Git.",
        application.Application,
    ),
)


def markdown() -> str:
    """The whole page."""
    return HEAD + "".join(f"\n## {title}\n\n{about}\n" + _file(model) for title, about, model in FILES)


def _file(model: type[base.Settings]) -> str:
    return "".join(_group(group, prefix) for prefix, group in _groups(model, ""))


def _groups(model: type[base.Settings], prefix: str) -> Iterator[tuple[str, type[base.Settings]]]:
    """A group before the groups within it: (`environments.<name>.`, EnvironmentLimits)."""
    yield prefix, model
    for key, field in structure.by_key(model).items():
        found = structure.content(field)
        if found.group is not None:
            suffix = ".<name>" if found.by_name else "[]" if found.listed else ""
            yield from _groups(found.group, f"{prefix}{key}{suffix}.")


def _group(model: type[base.Settings], prefix: str) -> str:
    title = f"\n### `{prefix.removesuffix('.')}`\n\n{_sentence(model)}\n" if prefix else ""
    rows = "".join(_row(key, field) for key, field in structure.by_key(model).items())
    return f"{title}\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}"


def _sentence(model: type[base.Settings]) -> str:
    return " ".join((model.__doc__ or "").split())


def _row(key: str, field: FieldInfo) -> str:
    found = structure.content(field)
    kind = found.shape.title if found.shape else "group by name" if found.by_name else "group"
    if found.listed:
        kind = f"list of {kind}"
    return f"| `{key}` | {kind} | {_default(field)} | {field.description} |\n"


def _default(field: FieldInfo) -> str:
    """As a file would write it; `–` where the description says what happens."""
    if field.is_required():
        return "required"
    if field.default is None:
        return "–"
    found = structure.content(field)
    if found.listed:
        return f"`[{', '.join(found.shape.show(item) if found.shape else '…' for item in field.default)}]`"
    if found.shape is None:
        return "see there"
    return f"`{found.shape.show(field.default)}`"
