"""LEDs, matrices, OLEDs and the terminal: each shows one :class:`~edge.events.Look` at a time."""
