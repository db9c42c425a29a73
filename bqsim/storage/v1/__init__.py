"""The messages of ``protos/bqsim/storage/v1``, compiled when the package is built."""
