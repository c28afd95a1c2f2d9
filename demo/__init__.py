"""`make demo`: the main job told in one terminal, with a real Git repository and the real daemon, on a sandbox or on a
real control plane.

`story.py` is the story, scene by scene. `surroundings.py` is what it happens in: a team's repository (`team.py`) and
one of two grounds (`grounds.py`): `sandbox.py`, `local.py`. `following.py` is how it sees what the daemon and the pods
do, `telling.py` how it looks in a terminal.
"""
