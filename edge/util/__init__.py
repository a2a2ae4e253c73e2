"""Helpers that know nothing of faces or messages: files, SQLite, text, sockets, signals, logging."""
