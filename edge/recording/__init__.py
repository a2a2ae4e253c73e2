"""Record sessions on the device: one row a second, events and markers, in SQLite."""
