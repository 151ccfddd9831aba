"""Segmentation: which customers behave alike, and who they are in words."""
