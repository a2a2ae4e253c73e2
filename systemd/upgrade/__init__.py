"""Trial of a new version of the service, with rollback to the previous one if it does not become healthy.

Runs as root on the system's Python with only the standard library: it must work even if the version that it judges does
not. ``systemd/install.sh`` puts it beside the versions; a package may do the same.
"""
