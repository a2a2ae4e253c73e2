"""Checks behind ``face-edge doctor``: what this machine has, lacks and what to do. Nothing here prints.

Only what the configuration uses can fail; the rest is skipped or a warning.
"""
