"""Where frames come from; ``factory.create`` resolves a URI lazily to its backend."""
