"""Functions on GEOGRAPHY: kernels over stored values (:mod:`bqsim.types.geography.shapes`)."""

from __future__ import annotations

from dataclasses import replace

from . import accessors, bounds, buffers, clusters, constructors, lines, measures, predicates, transforms
from .objects import failing

_FAMILIES = (
    *constructors.KERNELS,
    *accessors.KERNELS,
    *predicates.KERNELS,
    *measures.KERNELS,
    *transforms.KERNELS,
    *lines.KERNELS,
    *buffers.KERNELS,
    *clusters.KERNELS,
    *bounds.KERNELS,
)

# Whatever kernel meets a value that the library refuses, the user is told.
KERNELS = tuple(
    replace(kernel, function=failing("Geography function", kernel.function)) for kernel in _FAMILIES
)
