"""Many devices played in one process, and whether what they sent has arrived."""
