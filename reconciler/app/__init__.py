"""Composition root: what a command of `cli/` calls, put together from settings, edges, pipeline and daemon.

`opening.py` opens settings and journal, `composing.py` builds the world and runs the daemon, `renderers.py` and
`sandboxes.py` put together two of its parts, `runtime.py` checks what it stands on, and `beside.py` builds a world for
commands that only look. `commands/` has a file for each family of commands, `rehearsal/` the stage of `rehearse`.
Documents are written by `writing.py`, the pages in docs/reference/ by `describing.py`.
"""
