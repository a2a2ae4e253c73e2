"""The model card, written from manifests and measured results: no figure in it is typed by hand."""
