"""Measure face finding and following on real rooms: a folder of pictures with their faces marked.

``truth`` loads the folder, ``clips`` turns its pictures into moving views, ``stills`` and ``follow`` score what a
pipeline makes of them, ``run`` measures several setups in one run, ``report`` and ``plot`` show the result. Only
``edge.runtime.build_vision.pipeline`` and the values it returns are used, so the package also measures older releases.
"""
