"""Composition root: what a command of `cli/` calls, put together from settings, edges, pipeline and daemon.

`opening.py` opens settings and journal, `composing.py` builds the world and runs the daemon, `sandboxes.py` puts models
in place of its clusters, `runtime.py` checks what it stands on, `beside.py` builds a world for commands that only
look. The others serve one family of commands each: `showing.py` status and history, `asking.py` requests, `waiting.py`
wait, `previewing.py` plan, `comparing.py` diff, `growing.py` tree, `explaining.py` explain, `importing.py` and
`exporting.py` (both write by `writing.py`), `auditing.py` audit, `keeping.py` and `rebuilding.py` journal,
`doctoring.py` doctor with what `granting.py` gives to paste, `trying.py` --sandbox, `describing.py` the pages;
`rehearsing.py` rehearse, with `copying.py`, `staging.py`, `surveying.py`, `outside.py`, `faulty.py` and `dying.py`.
"""
