"""Readings -> the figures that a person looks at, live: for han-top and han-web."""
