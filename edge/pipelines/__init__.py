"""Make vision pipelines from the configuration: the one place that names detectors and networks."""
