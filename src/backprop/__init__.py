"""Shared implementations of the book: what more than one chapter uses.

``charts`` and ``diagrams`` draw, ``checking`` compares gradients with finite differences.
Import the modules (``from backprop import charts``); importing the package alone loads none.
"""

__version__ = "0.1.0"
