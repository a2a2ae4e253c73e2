"""The two questions that a network answers about a face."""

from __future__ import annotations

HEADS = ("fer2013", "consensus")
"""Order of the outputs: FER2013's original labels, and the FER+ annotators' distribution."""
