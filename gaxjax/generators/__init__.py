"""A trained model as functions: samples, truncation, edits."""
