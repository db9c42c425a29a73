"""Functions on GEOGRAPHY: kernels over stored values (:mod:`bqsim.types.geography.shapes`)."""

from __future__ import annotations

from . import accessors, buffers, clusters, constructors, lines, measures, predicates, transforms

KERNELS = (
    *constructors.KERNELS,
    *accessors.KERNELS,
    *predicates.KERNELS,
    *measures.KERNELS,
    *transforms.KERNELS,
    *lines.KERNELS,
    *buffers.KERNELS,
    *clusters.KERNELS,
)
