"""The HTTP service over the same core as the command line: one router a noun, one translation of errors."""
