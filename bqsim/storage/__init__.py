"""The Storage API: what it does, apart from gRPC. ``v1`` holds its compiled messages."""
