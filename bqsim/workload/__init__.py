"""Workload replay: recorded jobs run again at an endpoint, with their spacing, sessions and dependencies."""
