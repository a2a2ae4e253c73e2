"""Build what a release consists of, from a commit that is fit for it."""
