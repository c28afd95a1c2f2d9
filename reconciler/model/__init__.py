"""Frozen nouns. Everything that crosses a border between packages is one of these, frozen all the way down."""
