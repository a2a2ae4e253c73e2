"""Loaders for expression data, one a format, all giving :class:`~converter.datasets.faces.FaceSet`."""
