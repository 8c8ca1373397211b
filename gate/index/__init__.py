"""What a Python index publishes: projects and their files, and the insides of wheels, read as data."""
