"""Serving engines: what memfit says of published start-up logs."""
