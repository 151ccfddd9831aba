"""Decisions that people take: a case is claimed, looked into, decided, confirmed, told."""
