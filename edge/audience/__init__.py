"""What a group of faces shows over time: state, aggregates, presence, changes and peaks (pure)."""
