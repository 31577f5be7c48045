"""The executable model of an order's life, and the tests that hold the pipeline and the docs against it."""
