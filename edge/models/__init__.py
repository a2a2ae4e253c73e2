"""Models in the field: fetched, checked, tried, kept beside each other, and taken back where they do no good."""
