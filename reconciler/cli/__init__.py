"""The commands: parse, call, print. Exit codes are in docs/reference/commands.md."""
