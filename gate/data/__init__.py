"""Reference data: files that are validated whole, swapped in whole and kept by digest."""
