"""Wired M-Bus, long frames, as meters push them: EN 13757-2 and EN 13757-3.

Its record: wired M-Bus frame from `68` to `16`; its checksum agrees.
"""
