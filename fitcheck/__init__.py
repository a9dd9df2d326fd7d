"""Does this model run on that card? Memory by model, scheme, engine and context."""

__version__ = "0.1.0"
