"""Everybody overnight: the Scorer of the service over all customers, on all cores, into Parquet."""
