"""GEOGRAPHY values: their parts, texts, normal form and the maths of the sphere."""
