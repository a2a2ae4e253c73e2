"""Quality of a model and its uncertainty: intervals, recurring pictures, robustness, saliency."""
