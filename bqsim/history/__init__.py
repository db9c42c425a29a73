"""The history of a project's jobs, wherever it is told: exports, audit logs, cassettes."""
