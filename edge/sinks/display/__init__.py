"""LEDs, matrices, OLEDs and the terminal."""
