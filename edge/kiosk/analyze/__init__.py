"""The analyze page: pictures and videos that visitors send, read by a worker, kept in memory until they leave.

``store`` is where files lie, ``jobs`` what is known of each, ``order`` whose turn is next, ``reader`` has the worker
read one (``handler`` is what runs there), ``desk`` runs it all, ``intake`` takes files in, ``routes`` speaks HTTP.
"""
