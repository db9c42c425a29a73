"""Replay: recorded operations answer requests, by whatever way they are asked for."""
