"""The version of hanpipe, its only home."""

VERSION = "0.1.0"
