"""scikit-learn: what its estimators do in a running job (marks.py)."""
