"""Fault drills: a real device's feed, a real broker, real faults, and a count of what came through."""
