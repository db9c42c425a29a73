"""The gRPC Storage API: a synchronous server over the storage services, which know no transport."""
