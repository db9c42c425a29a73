"""Slots by discrete events: who gets how many when, who waits, what scales.

A job is a plan of stages; a stage asks for as many slots as it has units of work and does not begin before
those it reads from have ended. Slots are shared by projects, then by jobs, evenly up to what each asks for.
The state is in arrays; the functions on it are compiled by numba where that is installed.

:mod:`~bqsim.sim.slots.jobs` is what goes in and comes out, :mod:`~bqsim.sim.slots.routing` who uses which
reservation, :mod:`~bqsim.sim.slots.world` runs it, :mod:`~bqsim.sim.slots.live` lets a clock drive it.
"""
