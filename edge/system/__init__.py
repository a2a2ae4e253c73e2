"""The host: board sensors, memory, mounts, the installation and the service's account."""
