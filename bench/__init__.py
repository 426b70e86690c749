"""Benchmarks of jacnet beside its peers: ``python -m bench`` in the repository's root."""
