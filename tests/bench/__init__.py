"""Measurements at a size that the gate has no time for."""
