"""Reading tables through the Storage API."""
