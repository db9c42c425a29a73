"""Clients with one fault each, to see that the tests notice it: ``python -m tests.client.mutants``."""
