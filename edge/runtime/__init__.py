"""The running device: the only package that names concrete classes."""
