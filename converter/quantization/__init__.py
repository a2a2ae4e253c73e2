"""Conversion of a trained network to an int8 file with its manifest."""
