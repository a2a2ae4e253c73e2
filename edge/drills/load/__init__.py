"""What the page costs the loop, measured."""
