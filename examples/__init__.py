"""Fictional sample plans and what builds them."""
