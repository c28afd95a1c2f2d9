"""Git: one bare mirror per repository, read and written by the `git` binary. Fulfils `ports.Repository`.

`place.py` says where the repository is and what is allowed there, `process.py` starts git and `ssh.py` the client
below it, `kept.py` holds the one that reads the mirror, `answers.py` reads what they said, `mirror.py` keeps the bare
mirror healthy, `remote.py` talks to the server and `plain.py` reads the files of one on this machine, `reading.py` and
`writing.py` work on the mirror alone, by `objects.py`, `trees.py` and `links.py`, `repository.py` is the port. Why it
is built like this: docs/decisions/0004-git.md, 0014-ssh.md, 0071-performance.md and 0095-links.md.
"""

from reconciler.edges.git.place import Credentials as Credentials
from reconciler.edges.git.place import Limits as Limits
from reconciler.edges.git.place import Place as Place
from reconciler.edges.git.place import Timeouts as Timeouts
from reconciler.edges.git.repository import GitRepository as GitRepository
from reconciler.edges.git.ssh import Keys as Keys
