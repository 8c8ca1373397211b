"""One rule a file: id, reason, way out, and a check over evidence and policy."""
