"""Readings -> means and energies over time."""
