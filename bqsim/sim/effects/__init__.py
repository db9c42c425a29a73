"""What rules do to calls and jobs."""
