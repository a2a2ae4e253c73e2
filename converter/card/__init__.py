"""Model card, generated from manifests and measured results; no figure in it is typed by hand."""
