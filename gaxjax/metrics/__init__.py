"""Measures of how good generated examples are: features come from elsewhere, distances are here."""
