"""The doors that are fuzzed, by what goes through them."""
