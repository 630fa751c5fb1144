"""Octets, records or lines -> what is wrong, how that shows, and how to mend it (docs/doctor.md)."""
