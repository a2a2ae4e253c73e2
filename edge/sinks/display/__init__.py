"""LEDs, matrices, OLEDs and the terminal: each shows one :class:`~edge.core.events.Look` at a time."""
