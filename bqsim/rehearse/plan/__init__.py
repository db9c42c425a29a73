"""Plan files: what to rehearse."""
