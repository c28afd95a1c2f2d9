"""Strict YAML: what `kubectl` would send to the API server, or a refusal that names the line.

PyYAML and kubectl disagree about plain scalars (`y`, `0o10`, `1:30`, `1e3`, `08`, dates), and a difference computed
with the types of one shows something else than what the other applies. So this loader reads libyaml's event stream and
resolves scalars as kubectl does (go.yaml.in/yaml/v2 below sigs.k8s.io/yaml 1.6); what JSON cannot carry, what kubectl
would change on the way, and what people write by mistake is refused: duplicate keys, `.inf`, integers beyond 64 bits,
custom tags, documents that kubectl would silently skip.

The event stream is read without recursion: `yaml.CSafeLoader` ends the process on 25,000 nested brackets. No refusal
quotes a value, because manifests hold secrets; keys and line numbers are enough to find the place.
"""

from reconciler.yamltext.loading import load_all, load_with_positions, plain
from reconciler.yamltext.shapes import (
    DEFAULT_LIMITS,
    Document,
    Fill,
    JsonScalar,
    JsonValue,
    Limits,
    Path,
    Positions,
    Unfilled,
    YamlError,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Document",
    "Fill",
    "JsonScalar",
    "JsonValue",
    "Limits",
    "Path",
    "Positions",
    "Unfilled",
    "YamlError",
    "load_all",
    "load_with_positions",
    "plain",
]
