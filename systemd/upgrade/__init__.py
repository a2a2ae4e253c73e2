"""Tries a new version of the service and goes back to the one before where it does not become healthy.

Runs as root on the system's Python with nothing but the standard library: it must work while the version that it
judges does not. ``systemd/install.sh`` puts it beside the versions; a package may do the same.
"""
