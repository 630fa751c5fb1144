"""Readings -> a page in the browser: live figures, and the history of each meter."""
