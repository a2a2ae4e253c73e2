"""Storage in PostgreSQL: schema, conversion of payloads to rows, and batches of rows in one transaction."""
