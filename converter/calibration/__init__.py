"""Calibration of logits to probabilities, fitted on a validation split and written into the manifest."""
