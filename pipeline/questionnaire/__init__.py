"""The instrument and how its 300 questions are answered from a plan's segments."""
