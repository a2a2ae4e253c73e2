"""Helpers that are independent of faces and messages: files, SQLite, text, sockets, signals, logging."""
