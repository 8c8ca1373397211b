"""The append-only log of everything that happened, and the proof that nothing was changed since."""
