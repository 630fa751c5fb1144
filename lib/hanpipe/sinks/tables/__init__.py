"""Readings -> CSV and Parquet."""
