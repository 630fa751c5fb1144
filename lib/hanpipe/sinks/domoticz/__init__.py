"""Readings -> Domoticz."""
