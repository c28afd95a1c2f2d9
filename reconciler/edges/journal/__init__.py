"""The journal in SQLite: `journal.open_journal` fulfils `ports.Journal`; `audit.verify` proves its history."""
