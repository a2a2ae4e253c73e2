"""FACE Edge's workstation side: trains the expression network and turns it into the int8 model of ``models/``."""
