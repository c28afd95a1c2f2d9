"""CEL expressions: whether they are well formed. Nothing is evaluated here (see `ports.Expressions`)."""

import functools
import re
from typing import TYPE_CHECKING, Annotated

from reconciler.model import health
from reconciler.settings import values

if TYPE_CHECKING:
    from cel_expr_python import cel

LONGEST = 1_000
WHERE = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")


def expression(value: object) -> str:
    """An expression that compiles: right syntax, only the variables there are, no deeper than the library allows."""
    text = values.text(value).strip()
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters; ask for less")
    try:
        _environment().compile(text)
    except RuntimeError as error:
        found = WHERE.search(str(error))
        said = f"line {found[1]}, column {found[2]}: {found[3][:200]}" if found else str(error)[:200]
        said = said.replace(" (in container '')", "")
        known = ", ".join(health.EXPRESSION_VARIABLES)
        raise ValueError(f"is no CEL expression: {said}; mend it, it may name {known} of the object") from None
    return text


@functools.cache
def _environment() -> "cel.Env":
    # Imported here: it takes 5 MiB for as long as the process runs, and few applications have an expression.
    from cel_expr_python import cel

    return cel.NewEnv(variables=dict.fromkeys(health.EXPRESSION_VARIABLES, cel.Type.DYN))


Expression = Annotated[str, values.Shape("CEL expression", expression)]
