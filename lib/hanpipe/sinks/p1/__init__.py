"""Readings -> DSMR P1 telegrams, for the many programs and chargers that read P1."""
