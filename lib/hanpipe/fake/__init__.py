"""Simulated meters: the household that they measure, the meters as data, their encoder, and damage on demand."""
