"""Octets to dated files."""
