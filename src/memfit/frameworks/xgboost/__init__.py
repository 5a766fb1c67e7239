"""XGBoost: what it does in a running job (marks.py)."""
