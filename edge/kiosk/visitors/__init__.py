"""The visitor's own camera: frames that their browser sends are read in a worker and forgotten."""
