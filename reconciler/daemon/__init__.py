"""The long-running process: a keyed queue with due times, the loops that feed it, leadership and shutdown."""
