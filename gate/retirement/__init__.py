"""Take a released image out of service: two people, a plan, an intent, and what was read back."""
