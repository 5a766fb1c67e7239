"""What code asks of a CUDA device from Python, answered as the simulated device would."""
