"""Measures the whole chain on one machine: ``python -m edge.fleet.bench COMMAND``, each with its own servers."""
