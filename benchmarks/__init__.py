"""What memfit claims, measured: accuracy against real runs, speed against what people use."""
