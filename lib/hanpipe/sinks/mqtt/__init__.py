"""Readings -> MQTT, with discovery."""
