"""Cloud Storage: its JSON API, and what of its XML API clients use, over the ``gs://`` objects."""
