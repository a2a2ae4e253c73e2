"""How good a model is and how sure one can be of it: intervals, recurring pictures, robustness, saliency."""
