"""Predicted against measured: ordinary jobs, their true figures on real machines, and the judging of predictions."""
