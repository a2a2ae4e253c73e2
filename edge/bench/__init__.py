"""Measures the loop: against the obvious one, stage by stage, and as a whole device."""
