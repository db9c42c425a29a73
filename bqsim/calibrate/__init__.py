"""Calibration: recordings and histories fit the latencies, sizes and failures of a simulator.

>>> from bqsim.calibrate.calibration import calibrate                           # doctest: +SKIP
>>> print(profile(calibrate(["jobs.parquet"])))                                 # doctest: +SKIP
"""
