"""Made-up data in the form that public training scripts expect: tiny, valid, the same every time."""
