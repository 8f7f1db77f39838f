"""PDF bytes in, evaluation out.

Nothing in this package knows Ray, Redis, HTTP, the clock or randomness: the same bytes and the same
options give the same evaluation everywhere.
"""
