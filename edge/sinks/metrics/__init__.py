"""Prometheus metrics of the device: a sink that answers scrapes."""
