"""One member of a group of collectors: what it reads from the broker, stores, acknowledges and says of itself."""
