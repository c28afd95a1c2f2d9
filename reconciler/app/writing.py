"""Documents → YAML that everybody reads alike."""

from typing import Any

import yaml

from reconciler import yamltext
from reconciler.model import document


class _Dumper(yaml.SafeDumper):
    """PyYAML writes `1e3` and `0o7` without quotes, which kubectl reads as numbers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def text(self, value: str) -> yaml.Node:
        style = "|" if "\n" in value else None if _is_text(value) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _is_text(value: str) -> bool:
    """Whether it is text without quotes, too."""
    try:
        return bool(value) and yamltext.plain(value) == value
    except yamltext.Unfilled:
        return False


_Dumper.add_representer(str, _Dumper.text)


def as_yaml(*documents: document.Json) -> str:
    """In the order of the keys; several are parted by `---`."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
