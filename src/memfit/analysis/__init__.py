"""What documents say beyond their figures: growth, attribution, comparison. Pure: documents in, documents out."""
