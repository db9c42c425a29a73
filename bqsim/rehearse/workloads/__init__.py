"""Where the jobs of a rehearsal come from, and what a plan changes about them."""
