"""Examination of a data set before training."""
