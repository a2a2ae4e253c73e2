"""What the device says of itself to Prometheus: a sink that answers when it is scraped."""
