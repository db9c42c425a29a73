"""Recording: what an application says to BigQuery, kept as operations in a cassette.

The way of a call: a :class:`~bqsim.record.tap.Tap` sees it pass (a proxy, or a client's hook), its secrets
are removed, it becomes an :class:`~bqsim.record.model.Exchange`; exchanges are folded into
:class:`~bqsim.record.model.Operation` s, whose identities are symbols; those are written as a cassette.
"""
