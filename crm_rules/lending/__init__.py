"""Approve, refer or decline, with the reasons a person is told."""
