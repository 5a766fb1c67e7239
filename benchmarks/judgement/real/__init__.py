"""Real loops: ordinary Python, NumPy and PyTorch code, half of it leaking, each in another way."""
