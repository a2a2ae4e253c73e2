"""FACE Edge's workstation side: train the expression network and convert it to the int8 model in ``models/``."""
