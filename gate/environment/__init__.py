"""Environment definitions: one reader per format, all of them turning text into references."""
