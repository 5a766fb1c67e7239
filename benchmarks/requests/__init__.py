"""What `memfit request` writes, read by the systems that it is for."""
