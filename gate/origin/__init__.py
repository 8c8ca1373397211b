"""Where what lies in an image came from: proofs that need the image's own bytes and, for Python, an index."""
