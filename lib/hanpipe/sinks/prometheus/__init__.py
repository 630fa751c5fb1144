"""Readings -> Prometheus."""
