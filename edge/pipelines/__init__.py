"""Construction of vision pipelines from the configuration; only this package names detectors and networks."""
