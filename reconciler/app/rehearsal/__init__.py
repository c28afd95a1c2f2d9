"""The stage of `rehearse`: the real daemon on sandboxes, in virtual time, with what may go wrong.

`rehearsing.py` is the command; `copying.py` makes the repository of the play, `surveying.py` reads what its cluster
begins with, `staging.py` plays, `outside.py` lets virtual time wait for the world, `faulty.py` and `dying.py` do harm.
"""
