"""What is in an image: from a digest to layers, from layers to files, from files to components."""
