"""The way out of every refusal of `gate check`: in words, as a change of the definition, as an exception request."""
