"""Expressions in the box: compiled once, evaluated against one object at a time.

The library bounds the depth of an expression, the rounds of its loops and its regular expressions by itself; the memory
that ever longer lists take is bounded by the box alone.
"""

import importlib.metadata
import json
import os
import signal
from typing import Any

from cel_expr_python import cel

from reconciler.edges.boxed import inside
from reconciler.model import health

OBJECT = "object.json"
CPU = 0.5
"""Seconds of processor time for all expressions about one object; honest ones take 0.3 ms. The signal of its end kills
the child. The daemon asks a second child before it believes that."""
KEPT = 500
"""Compiled expressions: a few hundred bytes of each."""


class Cel:
    def __init__(self, limits: dict[str, int]) -> None:
        self.version = f"cel-expr-python {importlib.metadata.version('cel-expr-python')}"
        self.confinable = True
        self._environment = cel.NewEnv(variables=dict.fromkeys(health.EXPRESSION_VARIABLES, cel.Type.DYN))
        self._compiled: dict[str, Any] = {}
        self._evaluate("status.x.all(e, e > 1)", {"status": {}})  # everything is loaded before the file system goes

    def render(self, request: dict[str, Any]) -> str:
        """The answers to `request["expressions"]`, as JSON: true, false, or the text of what went wrong. What is empty,
        or comes after one that is true, is not evaluated: null."""
        with open(OBJECT, "rb") as file:
            found = json.loads(file.read())
        about = {name: found.get(name, {}) for name in health.EXPRESSION_VARIABLES}
        answers: list[bool | str | None] = []
        signal.setitimer(signal.ITIMER_PROF, CPU)
        for text in request["expressions"]:
            needed = text and True not in answers
            answers.append(self._evaluate(text, about) if needed else None)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return json.dumps(answers)

    def _evaluate(self, text: str, about: dict[str, Any]) -> bool | str:
        try:
            if text not in self._compiled:
                if len(self._compiled) >= KEPT:
                    self._compiled.clear()
                self._compiled[text] = self._environment.compile(text)
            result = self._compiled[text].eval(data=about)
        except MemoryError:
            os._exit(1)  # what else it holds is not known any more
        except Exception as error:  # noqa: BLE001 - whatever the library raises is its answer
            return str(error)
        if isinstance(answer := result.value(), bool):
            return answer
        said = str(answer)[:200]
        return said if result.type() == cel.Type.ERROR else f"is {said!r}, not true or false"


if __name__ == "__main__":
    inside.serve(Cel)
