"""Live rehearsal: the jobs of a plan sent to an endpoint at their times, whatever it answers.

:mod:`~bqsim.rehearse.live.driver` sends, :mod:`~bqsim.rehearse.live.rest` and
:mod:`~bqsim.rehearse.live.google` are the clients that it does so with, :mod:`~bqsim.rehearse.live.tally` is
what was seen, :mod:`~bqsim.rehearse.live.spread` lets several processes drive, and
:mod:`~bqsim.rehearse.live.run` does all of it for a plan.
"""
