"""Sheets of images, points with what is said of the places around them, curves."""
