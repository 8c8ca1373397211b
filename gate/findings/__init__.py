"""Sources of findings behind one interface: Defender, advisories."""
