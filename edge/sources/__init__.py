"""Frame sources; ``factory.create`` resolves a URI to its backend and imports only that."""
