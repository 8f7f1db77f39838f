"""The eleven nodes of the canonical flow, one module each."""
