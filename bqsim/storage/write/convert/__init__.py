"""From raw Arrow columns of a writer to canonical Arrow, with what is wrong with each row.

``protos`` and ``arrows`` hold the tables of what converts to what; the other modules convert. Every converter
takes a whole array and a :class:`~.scope.Scope` to which it tells bad values.
"""
