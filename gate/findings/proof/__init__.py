"""Proof that an image was scanned: what counts, whose word it is, and what anyone could have attached or handed in."""
