"""Scenarios: what the simulator is told to do to calls and jobs, and when."""
