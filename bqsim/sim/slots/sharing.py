"""Even shares up to what is asked for (water-filling): idle slots by place, slots by project and job."""

from __future__ import annotations

import numpy as np

from .arrays import NONE, Running, State, Table
from .compiled import compiled


@compiled
def spread_idle(p: Table, first: int, group: int, supply: float) -> None:
    """Give ``share`` to the places that want idle slots from ``first`` on (of one group, or of all when it is
    -1), by weight and up to what each wants."""
    rest = supply
    weight = 0.0
    at = first
    while at != NONE:
        if group == NONE or p.group[at] == group:
            p.share[at] = -1.0
            weight += p.weight[at]
        at = p.after[at]
    changed = True
    while changed and weight > 0.0:
        changed = False
        level = max(rest, 0.0) / weight
        at = first
        while at != NONE:
            mine = (group == NONE or p.group[at] == group) and p.share[at] < 0.0
            if mine and p.want[at] <= level * p.weight[at]:
                p.share[at] = p.want[at]
                rest -= p.want[at]
                weight -= p.weight[at]
                changed = True
            at = p.after[at]
    level = max(rest, 0.0) / weight if weight > 0.0 else 0.0
    at = first
    while at != NONE:
        if (group == NONE or p.group[at] == group) and p.share[at] < 0.0:
            p.share[at] = level * p.weight[at]
        at = p.after[at]


@compiled
def spread_by_groups(st: State, first: int, supply: float) -> None:
    """The same where places are in groups: a group's idle slots are its own first; what is left is shared
    evenly by groups and places without one, then within each group."""
    p, groups = st.places, st.groups
    count = 0
    rest = supply
    at = first
    while at != NONE:
        count = max(count, p.group[at] + 1)
        at = p.mate[at]
    for group in range(count):
        groups.own[group] = groups.want[group] = groups.got[group] = 0.0
    at = first
    while at != NONE:
        group = p.group[at]
        if group == NONE:
            rest += p.idle[at]
        else:
            groups.own[group] += p.idle[at]
            groups.want[group] += p.want[at]
        at = p.mate[at]
    for group in range(count):
        groups.got[group] = min(groups.own[group], groups.want[group])
        rest += groups.own[group] - groups.got[group]
    _share_entities(p, groups, first, rest, count)
    for group in range(count):
        spread_idle(p, st.pools.wanting[p.pool[first]], group, groups.got[group])


@compiled
def _share_entities(p: Table, groups: Table, first: int, supply: float, count: int) -> None:
    """Share ``supply`` evenly by groups (what they want beyond ``got``, which grows) and single places."""
    rest = supply
    left = 0
    for group in range(count):
        groups.done[group] = 1
        if groups.want[group] > groups.got[group]:
            groups.done[group] = 0
            left += 1
    at = first
    while at != NONE:
        if p.group[at] == NONE:
            p.share[at] = 0.0
            if p.want[at] > 0.0:
                p.share[at] = -1.0
                left += 1
        at = p.mate[at]
    changed = True
    while changed and left > 0:
        changed = False
        level = max(rest, 0.0) / left
        for group in range(count):
            more = groups.want[group] - groups.got[group]
            if not groups.done[group] and more <= level:
                groups.got[group] = groups.want[group]
                groups.done[group] = 1
                rest -= more
                left -= 1
                changed = True
        at = first
        while at != NONE:
            if p.group[at] == NONE and p.share[at] < 0.0 and p.want[at] <= level:
                p.share[at] = p.want[at]
                rest -= p.want[at]
                left -= 1
                changed = True
            at = p.mate[at]
    level = max(rest, 0.0) / left if left > 0 else 0.0
    for group in range(count):
        if not groups.done[group]:
            groups.got[group] += level
    at = first
    while at != NONE:
        if p.group[at] == NONE and p.share[at] < 0.0:
            p.share[at] = level
        at = p.mate[at]


@compiled
def _share_tenants(t: Table, first: int, slots: float) -> None:
    """What each project of a place gets of ``slots``: ``alloc``."""
    rest = slots
    left = 0
    at = first
    while at != NONE:
        t.alloc[at] = 0.0
        if min(t.demand[at], t.cap[at]) > 0.0:
            t.alloc[at] = -1.0
            left += 1
        at = t.next[at]
    changed = True
    while changed and left > 0:
        changed = False
        level = max(rest, 0.0) / left
        at = first
        while at != NONE:
            wanted = min(t.demand[at], t.cap[at])
            if t.alloc[at] < 0.0 and wanted <= level:
                t.alloc[at] = wanted
                rest -= wanted
                left -= 1
                changed = True
            at = t.next[at]
    level = max(rest, 0.0) / left if left > 0 else 0.0
    at = first
    while at != NONE:
        if t.alloc[at] < 0.0:
            t.alloc[at] = level
        at = t.next[at]


@compiled
def _find_levels(t: Table, e: Running, first: int, low: int, high: int) -> None:
    """The ``level`` of each project: what any of its jobs gets at most."""
    short = False
    at = first
    while at != NONE:
        t.level[at] = np.inf
        if t.alloc[at] < t.demand[at]:
            t.rest[at] = t.alloc[at]
            t.open[at] = 0
            t.level[at] = -1.0
            short = True
        at = t.next[at]
    if not short:
        return
    for i in range(low, high):
        if t.level[e.tenant[i]] < 0.0 and e.demand[i] > 0.0:
            # Below 0: its share is not known yet.
            e.rate[i] = -1.0
            t.open[e.tenant[i]] += 1
        else:
            e.rate[i] = 0.0
    at = first
    while at != NONE:
        if t.level[at] < 0.0:
            t.level[at] = t.rest[at] / t.open[at]
        at = t.next[at]
    changed = True
    while changed:
        changed = False
        for i in range(low, high):
            tenant = e.tenant[i]
            if e.rate[i] < 0.0 and e.demand[i] <= t.level[tenant]:
                e.rate[i] = 0.0
                t.rest[tenant] -= e.demand[i]
                t.open[tenant] -= 1
                changed = True
        at = first
        while at != NONE and changed:
            if t.level[at] < np.inf and t.open[at] > 0:
                t.level[at] = max(t.rest[at], 0.0) / t.open[at]
            at = t.next[at]


@compiled
def divide(st: State, place: int, slots: float) -> None:
    """Give each running job of a place its ``rate`` when there are so many slots."""
    p, t, e = st.places, st.tenants, st.running
    low = p.off[place]
    high = low + p.n[place]
    first = p.first[place]
    if p.demand[place] <= slots:
        at = first
        while at != NONE:
            t.alloc[at] = min(t.demand[at], t.cap[at])
            at = t.next[at]
    else:
        _share_tenants(t, first, slots)
    _find_levels(t, e, first, low, high)
    for i in range(low, high):
        if e.full[i] > 0.0:
            e.rate[i] = min(e.demand[i], t.level[e.tenant[i]]) / e.full[i]
        else:
            e.rate[i] = 1.0
