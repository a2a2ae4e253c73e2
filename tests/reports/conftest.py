"""Fixtures of recorded sessions."""

from tests.fixtures.session_room import crowd, make_face, make_seen, older, room

__all__ = ["crowd", "make_face", "make_seen", "older", "room"]
