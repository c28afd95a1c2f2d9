"""What each command does, behind what `cli/` parses and prints.

`showing.py` status and history, `asking.py` requests, `waiting.py` wait, `previewing.py` plan, `comparing.py` diff,
`growing.py` tree, `explaining.py` explain, `importing.py` and `exporting.py`, `auditing.py` audit, `keeping.py` and
`rebuilding.py` journal, `doctoring.py` doctor with what `granting.py` gives to paste, `trying.py` --sandbox.
"""
