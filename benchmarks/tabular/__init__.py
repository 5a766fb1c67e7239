"""Fits of scikit-learn, XGBoost and LightGBM: what probing predicts, held against what fresh processes came to hold."""
