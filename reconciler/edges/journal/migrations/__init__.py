"""Alembic's folder: how each version's schema became the next. Run by `schema`, never by hand."""
