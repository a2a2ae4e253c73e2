"""Fuzzing: what strangers, cards and networks may hand to the device, mutated at random, in processes of its own."""
