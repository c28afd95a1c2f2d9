"""`make demo`: the main job told in one terminal, on a real API server, a real Git repository and the real daemon.

`story.py` is the story, scene by scene. `surroundings.py` is what it happens in, `following.py` how it sees what the
daemon and the pods do, `telling.py` how it looks in a terminal.
"""
