"""The program of the extraction child: MuPDF and nothing else of ours.

Inside the child this package is imported as the top-level package ``child``, so that neither
``pipeline`` nor anything heavy (numpy, Ray) is ever loaded next to the parser. Its modules therefore
import one another relatively and need only the standard library, PyMuPDF and msgspec.
"""
