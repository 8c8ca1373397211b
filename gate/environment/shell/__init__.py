"""What shell commands install: a parser of scripts, and one file for each family of tools."""
