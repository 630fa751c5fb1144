"""Frames -> typed data: APDUs joined, deciphered and read."""
