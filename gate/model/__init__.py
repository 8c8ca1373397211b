"""Frozen values that every layer speaks in. No input or output here."""
