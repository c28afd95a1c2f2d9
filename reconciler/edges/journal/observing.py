"""Whether a daemon leads, seen from beside it."""

import fcntl
import os
import pathlib


def led(database: pathlib.Path) -> bool | None:
    """Whether some process holds the leader's lock of the journal at `database` now; None: may not be looked at.

    Shared and given back at once: a daemon that starts in this microsecond stands by and tries again.
    """
    try:
        descriptor = os.open(database.with_name(f"{database.name}.leader"), os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
