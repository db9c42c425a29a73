"""Calibration: profiles of the simulator, fitted to what was recorded."""
