"""Comparison of networks: parameters, cost, accuracy, time."""
