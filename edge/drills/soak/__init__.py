"""The soak: a whole device for an hour in quick motion, and whether memory, descriptors and latency stay flat."""
