"""Programs for maintainers: the documentation site and releases. Started by make targets, never installed."""
