"""The two verbs of the mission: promote and discard. A pure plan first, then steps that can be run twice."""
