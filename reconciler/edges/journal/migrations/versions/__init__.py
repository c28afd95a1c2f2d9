"""One module a migration, `v<number>_<what>.py`. What was released is never edited."""
