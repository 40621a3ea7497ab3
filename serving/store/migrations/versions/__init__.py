"""One script for each version of the tables, written out in full."""
