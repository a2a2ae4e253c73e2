"""Kept sessions in the page: their list, reports, comparisons and data, and their deletion; for operators.

All that reads the file or draws happens in a worker process at the lowest priority.
"""
