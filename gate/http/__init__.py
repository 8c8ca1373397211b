"""The one HTTP client: every exchange is bounded, retried with sense, and ends in a value or an error of the gate."""
