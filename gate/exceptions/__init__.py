"""The exception workflow as pure functions, and the private storage of what was approved."""
