"""Sessions kept on the device: one row a second, events and markers, and the report to take home."""
