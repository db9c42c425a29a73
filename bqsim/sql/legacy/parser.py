"""Reads legacy SQL into a :class:`~.tree.Query`; what has no exact translation is refused by name."""

from __future__ import annotations

from bqsim.errors import invalid_query

from .tokens import TRY_STANDARD, Token, is_call, refused, string_value, tokens, unexpected
from .tree import (
    Call,
    Column,
    DateRange,
    Expression,
    Item,
    Join,
    Literal,
    Over,
    Query,
    Source,
    Subquery,
    TableName,
)

MAX_DEPTH = 100

_COMPARISONS = frozenset({"=", "!=", "<>", "<", ">", "<=", ">="})
_JOINS = {
    "JOIN": "INNER JOIN",
    "INNER": "INNER JOIN",
    "LEFT": "LEFT OUTER JOIN",
    "RIGHT": "RIGHT OUTER JOIN",
    "FULL": "FULL OUTER JOIN",
    "CROSS": "CROSS JOIN",
}
_REFUSED_SOURCES = frozenset({"TABLE_QUERY", "FLATTEN", "UNNEST"})
_REFUSED_WORDS = frozenset({"WITHIN", "OMIT", "ROLLUP", "IGNORE", "UNION"})


def parse(sql: str) -> Query:
    """The query of a text."""
    reader = _Reader(tokens(sql))
    if not reader.at("SELECT"):
        raise unexpected(reader.token, f"<EOF> {TRY_STANDARD}")
    query = reader.query()
    reader.accept(";")
    if reader.token.kind != "end":
        raise reader.unexpected("<EOF>")
    return query


class _Reader:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0

    # Tokens

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    @property
    def following(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._at += 1
        return token

    def at(self, *words: str) -> bool:
        token = self.token
        return (token.word or (token.text if token.kind == "operator" else "")) in words

    def accept(self, *words: str) -> bool:
        if words and self.at(*words):
            self.next()
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.accept(word):
            raise self.unexpected(f'"{word}"')

    def unexpected(self, expected: str) -> Exception:
        if self.token.word in _REFUSED_WORDS:
            return refused(self.token.word)
        return unexpected(self.token, expected)

    # Queries

    def query(self) -> Query:
        self._enter()
        self.expect("SELECT")
        if self.at("DISTINCT", "ALL"):
            raise refused(f"SELECT {self.token.word}")
        items = [self._item()]
        while self.accept(","):
            if self.at("FROM") or self.token.kind == "end":
                break
            items.append(self._item())
        sources: list[Source] = []
        joins: list[Join] = []
        if self.accept("FROM"):
            sources.append(self._source())
            while self.accept(","):
                sources.append(self._source())
            joins = self._joins()
        where = self.expression() if self.accept("WHERE") else None
        group: list[Expression] = []
        if self.accept("GROUP"):
            self.accept("EACH")
            self.expect("BY")
            group = self._expressions()
        having = self.expression() if self.accept("HAVING") else None
        order = self._order() if self.accept("ORDER") else []
        limit = self._limit() if self.accept("LIMIT") else None
        self._depth -= 1
        return Query(
            tuple(items), tuple(sources), tuple(joins), where, tuple(group), having, tuple(order), limit
        )

    def _item(self) -> Item:
        if self.accept("*"):
            return Item(None)
        expression = self.expression()
        if self.at("WITHIN"):
            raise refused("WITHIN")
        return Item(expression, self._alias())

    def _alias(self) -> str:
        """``[AS] name``."""
        if self.accept("AS") or (self.token.kind in ("name", "bracket") and not self.token.word):
            return self._name()
        return ""

    def _name(self) -> str:
        token = self.token
        if token.kind == "bracket":
            return self.next().text[1:-1]
        if token.kind != "name" or token.word:
            raise self.unexpected("<ID>")
        return self.next().text

    def _source(self) -> Source:
        token = self.token
        if self.accept("("):
            if not self.at("SELECT"):
                raise refused("A table in brackets")
            query = self.query()
            self.expect(")")
            return Subquery(query, self._alias())
        if token.kind == "tick":
            raise invalid_query(f"Invalid table name: {token.text}\n{TRY_STANDARD}.")
        if token.kind == "name" and self.following.text == "(":
            return self._table_function()
        if token.kind == "bracket":
            return TableName(self.next().text[1:-1], self._alias())
        return TableName(self._table_path(), self._alias())

    def _table_path(self) -> str:
        text = self._name()
        while self.at(".", ":"):
            text += self.next().text + (self._name() if self.token.kind == "name" else self._number())
        return text

    def _number(self) -> str:
        if self.token.kind != "integer":
            raise self.unexpected("<ID>")
        return self.next().text

    def _table_function(self) -> DateRange:
        name = self.next().text.upper()
        if name not in ("TABLE_DATE_RANGE", "TABLE_DATE_RANGE_STRICT"):
            raise refused(name if name in _REFUSED_SOURCES else f"The table function {name}")
        self.expect("(")
        prefix = self.next().text[1:-1] if self.token.kind == "bracket" else self._table_path()
        self.expect(",")
        first = self.expression()
        self.expect(",")
        last = self.expression()
        self.expect(")")
        return DateRange(prefix, first, last, self._alias(), name.endswith("_STRICT"))

    def _joins(self) -> list[Join]:
        joins: list[Join] = []
        while self.at(*_JOINS):
            kind = _JOINS[self.next().word]
            self.accept("OUTER")
            if self._tokens[self._at - 1].word != "JOIN":
                self.expect("JOIN")
            self.accept("EACH")
            source = self._source()
            if kind == "CROSS JOIN":
                joins.append(Join(kind, source, None))
                continue
            self.expect("ON")
            joins.append(Join(kind, source, self.expression()))
        return joins

    def _order(self) -> list[tuple[Expression, bool]]:
        """The keys, each with whether it is descending."""
        self.expect("BY")
        keys: list[tuple[Expression, bool]] = []
        while True:
            key = self.expression()
            descending = self.accept("DESC")
            if not descending:
                self.accept("ASC")
            keys.append((key, descending))
            if not self.accept(","):
                return keys

    def _limit(self) -> int:
        if self.token.kind != "integer":
            raise self.unexpected("<INTEGER>")
        return int(self.next().text)

    # Expressions, from what binds least to what binds most

    def expression(self) -> Expression:
        self._enter()
        left = self._conjunction()
        while self.accept("OR"):
            left = Call("OR", (left, self._conjunction()))
        self._depth -= 1
        return left

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refused(f"Nesting of more than {MAX_DEPTH} levels")

    def _expressions(self) -> list[Expression]:
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        return found

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self.accept("AND"):
            left = Call("AND", (left, self._negation()))
        return left

    def _negation(self) -> Expression:
        negated = False
        while self.accept("NOT"):
            negated = not negated
        value = self._comparison()
        return Call("NOT", (value,)) if negated else value

    def _comparison(self) -> Expression:
        left = self._sum()
        while True:
            if self.at(*_COMPARISONS):
                operator = self.next().text
                left = Call("!=" if operator == "<>" else operator, (left, self._sum()))
            elif self.accept("CONTAINS"):
                left = Call("CONTAINS", (left, self._sum()))
            elif self.accept("IS"):
                name = "IS NOT NULL" if self.accept("NOT") else "IS NULL"
                self.expect("NULL")
                left = Call(name, (left,))
            elif self.accept("BETWEEN"):
                low = self._sum()
                self.expect("AND")
                left = Call("BETWEEN", (left, low, self._sum()))
            elif self.accept("IN"):
                left = Call("IN", (left, *self._members()))
            elif self.at("NOT"):
                raise refused(f"NOT {self.following.text.upper()}")
            elif self.at("=="):
                raise refused("The operator ==")
            else:
                return left

    def _members(self) -> list[Expression]:
        self.expect("(")
        if self.at("SELECT"):
            raise refused("IN with a subquery")
        found = self._expressions()
        self.expect(")")
        return found

    def _sum(self) -> Expression:
        left = self._product()
        while self.at("+", "-"):
            left = Call(self.next().text, (left, self._product()))
        return left

    def _product(self) -> Expression:
        left = self._unary()
        while self.at("*", "/", "%"):
            left = Call(self.next().text, (left, self._unary()))
        if self.at("&", "|", "^", "<<", ">>", "||", "~"):
            raise refused(f"The operator {self.token.text}")
        return left

    def _unary(self) -> Expression:
        negative = False
        while self.at("-", "+"):
            negative ^= self.next().text == "-"
        value = self._primary()
        if not negative:
            return value
        if isinstance(value, Literal) and value.type in ("INTEGER", "FLOAT"):
            return Literal(value.type, f"-{value.text}")
        return Call("negative", (value,))

    def _primary(self) -> Expression:
        token = self.token
        if self.accept("("):
            if self.at("SELECT"):
                raise refused("A subquery in an expression")
            value = self.expression()
            self.expect(")")
            return value
        if token.kind == "string":
            return Literal("STRING", string_value(self.next()))
        if token.kind in ("integer", "float"):
            return Literal(token.kind.upper(), self.next().text)
        if self.accept("NULL"):
            return Literal("NULL", "NULL")
        if self.accept("CASE"):
            return self._case()
        if is_call(token, self.following):
            return self._call()
        if token.kind == "name" and token.text.upper() in ("TRUE", "FALSE") and self.following.text != ".":
            return Literal("BOOLEAN", self.next().text.upper())
        if token.kind == "tick":
            raise unexpected(token, "<ID>")
        return self._column()

    def _column(self) -> Column:
        path = [self._name()]
        while self.accept("."):
            if self.at("*"):
                raise refused(f"{path[0]}.*")
            path.append(self._name())
        return Column(tuple(part for text in path for part in text.split(".")))

    def _case(self) -> Call:
        if not self.at("WHEN"):
            raise refused("CASE with a value")
        parts: list[Expression] = []
        while self.accept("WHEN"):
            parts.append(self.expression())
            self.expect("THEN")
            parts.append(self.expression())
        if self.accept("ELSE"):
            parts.append(self.expression())
        self.expect("END")
        return Call("CASE", tuple(parts))

    def _call(self) -> Call:
        name = self.next().text.upper()
        self.expect("(")
        if name == "CAST":
            value = self.expression()
            self.expect("AS")
            name = self._name().upper()
            self.expect(")")
            return Call(f"CAST AS {name}", (value,))
        star = distinct = False
        arguments: list[Expression] = []
        if self.accept("*"):
            star = True
        elif not self.at(")"):
            distinct = self.accept("DISTINCT")
            arguments = self._expressions()
        self.expect(")")
        return Call(name, tuple(arguments), distinct, star, self._over() if self.accept("OVER") else None)

    def _over(self) -> Over:
        self.expect("(")
        partition: list[Expression] = []
        if self.accept("PARTITION"):
            self.accept("EACH")
            self.expect("BY")
            partition = self._expressions()
        order = self._order() if self.accept("ORDER") else []
        if not self.at(")"):
            raise refused("A window frame")
        self.expect(")")
        return Over(tuple(partition), tuple(order))
