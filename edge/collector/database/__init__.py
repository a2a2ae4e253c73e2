"""The feed in PostgreSQL: its schema, payloads as rows, batches of rows in one transaction."""
