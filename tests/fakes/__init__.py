"""In-memory implementations of the domain's ports: they keep the same conditions, without a network."""
