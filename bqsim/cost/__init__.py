"""Cost: prices, baselines, and checks that a change does not make the bill grow."""
