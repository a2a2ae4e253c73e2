"""Contract with a model file: its manifest, preprocessing, postprocessing and calibration."""
