"""Files that SOPS encrypted: which they are, what may open them, and what of an opened one must not be said again."""

import enum
import re
from collections.abc import Iterable, Iterator, Sequence

from reconciler import errors, yamltext
from reconciler.model import document, sources

CIPHER = "ENC[AES256_GCM,"
OURS = frozenset({"age", "lastmodified", "mac", "mac_only_encrypted", "version"})
RULES = re.compile(r"(un)?encrypted_(comment_)?(regex|suffix)")
"""What a `sops` block may hold. Anything else names other keys, and some of those are addresses that sops would ask
(I17)."""
DOTENV_MAC = re.compile(rb"^sops_mac=", re.MULTILINE)
DOTENV_KEY = re.compile(rb"^sops_([a-z_]+?)(?:__|=)", re.MULTILINE)
INI = re.compile(rb"^\[sops\]\s*$", re.MULTILINE)


class Form(enum.Enum):
    """As sops calls them."""

    YAML = "yaml"
    JSON = "json"
    DOTENV = "dotenv"
    BINARY = "binary"


def form(file: sources.File) -> Form | None:
    """How the file is encrypted; None when it is not. Raises `errors.InvalidInput` when it is, and not for age keys
    alone. A file that cannot be parsed is none: whoever reads it next says what is wrong with it."""
    if b"sops" not in file.content or b"mac" not in file.content:
        return None
    suffix = file.path.rpartition("/")[2].rpartition(".")[2]
    if DOTENV_MAC.search(file.content):
        _only_age(file, {key.decode() for key in DOTENV_KEY.findall(file.content)})
        return Form.DOTENV
    if INI.search(file.content):
        raise errors.InvalidInput((f"{file.path}: SOPS's INI files are not supported; keep the values in a .env file",))
    try:
        blocks = [block for each in yamltext.load_all(file.content, file.path) if (block := _block(each.value))]
    except errors.InvalidInput:
        return None
    if not blocks:
        return None
    for block in blocks:
        _only_age(file, {key for key, held in block.items() if held not in (None, [], {}, "")})
    known = {"yaml": Form.YAML, "yml": Form.YAML, "json": Form.JSON}
    return known.get(suffix, Form.BINARY)


def _block(value: document.JsonValue) -> document.Json:
    found = document.mapping(value, "sops") if isinstance(value, dict) else {}
    return found if isinstance(found.get("mac"), str) else {}


def _only_age(file: sources.File, keys: Iterable[str]) -> None:
    others = sorted(key for key in keys if key not in OURS and not RULES.fullmatch(key))
    if others:
        raise errors.InvalidInput(
            (
                f"{file.path} is encrypted by SOPS with {', '.join(others)}, and only age keys are supported: encrypt"
                " it for the environment's age key alone",
            )
        )


def opened_values(file: sources.File, opened: bytes, *, how: Form) -> frozenset[str]:
    """Every value of the opened file that was encrypted: none of them may be in a message (I13). Longer ones first
    when they are replaced, since one may hold another."""
    if how is Form.BINARY:
        return frozenset({opened.decode("utf-8", "replace")})
    if how is Form.DOTENV:
        lines = (line.partition("=")[2] for line in opened.decode("utf-8", "replace").splitlines())
        return frozenset(line for line in lines if line)
    found: set[str] = set()
    before = yamltext.load_all(file.content, file.path)
    after = yamltext.load_all(opened, file.path)
    for one, other in zip(before, after, strict=False):
        found.update(_opened(one.value, other.value))
    return frozenset(text for text in found if text)


def _opened(before: document.JsonValue, after: document.JsonValue) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() & after.keys():
            yield from _opened(before[key], after[key])
    elif isinstance(before, list) and isinstance(after, list):
        for one, other in zip(before, after, strict=False):
            yield from _opened(one, other)
    elif isinstance(before, str) and before.startswith(CIPHER):
        text = after if isinstance(after, str) else document.encode(after).decode()
        yield text
        yield from (line.strip() for line in text.splitlines())


def masked(problems: Sequence[str], secrets: Iterable[str]) -> tuple[str, ...]:
    """`problems` without any of `secrets`: Helm and Kustomize quote what they choke on."""
    hidden = sorted((secret for secret in secrets if secret.strip()), key=len, reverse=True)
    said = re.compile("|".join(map(re.escape, hidden))) if hidden else None
    return tuple(said.sub("***", problem) if said else problem for problem in problems)
