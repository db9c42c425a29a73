"""A forwarder in front of the gRPC server that does to connections what gRPC's library cannot."""
