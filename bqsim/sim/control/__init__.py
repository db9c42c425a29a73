"""Control of a simulation: what ``sim.faults``, ``sim.verify`` and the rest do, here and over HTTP."""
