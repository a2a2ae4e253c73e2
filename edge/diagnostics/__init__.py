"""Checks of ``face-edge doctor``, with remedies. Nothing here prints.

Only what the configuration uses can fail; the rest is skipped or a warning.
"""
