"""Values, events, errors, commands and protocols that all other packages share; it imports none of them."""
