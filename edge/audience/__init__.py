"""State, aggregates and events of a group of faces: presence, changes of expression and peaks (pure)."""
