"""From a frame to an observation: detection, tracking, classification, smoothing."""
