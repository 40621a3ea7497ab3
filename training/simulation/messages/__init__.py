"""Writes simulated consignments as the messages that carriers and customs systems send."""
