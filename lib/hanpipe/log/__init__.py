"""The log: octets or records -> files named by the date."""
