"""Receivers of observations and events."""
