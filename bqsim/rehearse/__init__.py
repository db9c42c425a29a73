"""Capacity rehearsal: a workload through a model of slots under many settings, or at a running endpoint.

:mod:`~bqsim.rehearse.plan` is the file that says what to rehearse, :mod:`~bqsim.rehearse.workloads` where
jobs come from, :mod:`~bqsim.rehearse.results` what is measured, :mod:`~bqsim.rehearse.sweep` runs all
settings of a plan, :mod:`~bqsim.rehearse.validation` compares the model with a history,
:mod:`~bqsim.rehearse.live` drives an endpoint.
"""
