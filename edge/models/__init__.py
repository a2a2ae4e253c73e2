"""Installation of models on a device: download, verification, trial run, storage and rollback."""
