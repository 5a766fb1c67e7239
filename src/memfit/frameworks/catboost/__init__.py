"""CatBoost: how its memory grows with the rows (scaling.py), and the calls that train in a script (training.py)."""
