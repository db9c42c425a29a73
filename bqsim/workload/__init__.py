"""Workloads: recorded jobs, run again at recorded, scaled or generated times."""
