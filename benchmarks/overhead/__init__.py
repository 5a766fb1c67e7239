"""What it costs to be watched: training loops bare, under memfit, and under the tools that people use instead."""
