"""Kept sessions in the page: their list, reports, comparisons and data, and their deletion; for operators.

What is at hand is read on threads of the server; what draws or writes data runs in a worker process of low priority.
"""
