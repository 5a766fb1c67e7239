"""Recordings of jobs on a real CUDA device: what memfit saw beside what the job and the driver say themselves."""
