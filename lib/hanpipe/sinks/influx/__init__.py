"""Readings -> InfluxDB."""
