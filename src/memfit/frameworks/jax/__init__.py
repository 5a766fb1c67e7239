"""JAX: what a recorder is told of its jobs. They are estimated by small runs (jobs.anchoring)."""
