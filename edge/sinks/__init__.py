"""What receives observations and events."""
