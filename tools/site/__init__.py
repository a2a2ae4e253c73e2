"""Build the documentation as a website, with the API pages from the docstrings."""
