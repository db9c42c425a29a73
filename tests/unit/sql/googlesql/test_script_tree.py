from __future__ import annotations

from bqsim.sql.googlesql import ScriptKind, ScriptNode

from .conftest import World

SCRIPT = """DECLARE x, y INT64 DEFAULT (1+2)*3;
DECLARE s STRING;
block: BEGIN
  SET (x, y) = ((1), 2); -- é
  SELECT 'é', `p.d.t`;
  SET x = ((3));
EXCEPTION WHEN ERROR THEN
  RAISE USING MESSAGE = 'm';
  RAISE;
END block;
IF (x)=1 THEN SELECT 1; ELSEIF x=2 THEN SELECT 2; ELSE SELECT 3; END IF;
CASE x WHEN 1 THEN SELECT 1; END CASE;
l: WHILE x < 3 DO BREAK l; CONTINUE; LEAVE; ITERATE l; END WHILE;
LOOP BREAK; END LOOP;
REPEAT SET x = 1; UNTIL x > 1 END REPEAT;
FOR r IN (SELECT 1 AS a) DO SELECT r.a; END FOR;
EXECUTE IMMEDIATE 'SELECT ?' INTO x, y USING 1, 'b' AS c;
CALL `p.d.proc`(1, (x));
SET @@script.time_out = 1;
BEGIN TRANSACTION; COMMIT TRANSACTION; ROLLBACK TRANSACTION; RETURN;
CREATE PROCEDURE d.q(a INT64) BEGIN SELECT 1; SELECT 2; END;
"""


def kinds(nodes: tuple[ScriptNode, ...]) -> list[str]:
    return [n.kind.value for n in nodes]


def test_every_statement_of_scripting(world: World) -> None:
    nodes = world.googlesql.parse_script(SCRIPT)
    assert kinds(nodes) == (
        [
            "DECLARE",
            "DECLARE",
            "BLOCK",
            "IF",
            "CASE",
            "WHILE",
            "LOOP",
            "REPEAT",
            "FOR",
            "EXECUTE_IMMEDIATE",
            "CALL",
            "SET_SYSTEM",
            "BEGIN_TRANSACTION",
            "COMMIT_TRANSACTION",
            "ROLLBACK_TRANSACTION",
            "RETURN",
            "STATEMENT",
        ]
    )
    declare, plain, block, if_, case, while_, loop, repeat, for_, execute, call, system, *_, procedure = nodes
    assert declare.names == ("x", "y")
    assert declare.data_type is not None
    assert declare.data_type.text == "INT64"
    assert declare.expression is not None
    assert declare.expression.text == "(1+2)*3"
    assert (plain.names, plain.expression) == (("s",), None)

    assert block.label == "block"
    assert kinds(block.body) == ["SET", "STATEMENT", "SET"]
    assert block.body[0].struct_assignment
    assert block.body[0].names == ("x", "y")
    assert block.handler is not None
    assert [h.expression and h.expression.text for h in block.handler] == ["'m'", None]

    assert [b.condition and b.condition.text for b in if_.branches] == ["(x)=1", "x=2", None]
    assert [b.condition and b.condition.text for b in case.branches] == ["1"]
    assert case.expression is not None
    assert case.expression.text == "x"
    assert (while_.label, kinds(while_.body)) == ("l", ["BREAK", "CONTINUE", "BREAK", "CONTINUE"])
    assert [n.label for n in while_.body] == ["l", "", "", "l"]
    assert loop.expression is None
    assert repeat.expression is not None
    assert repeat.expression.text == "x > 1"
    assert for_.names == ("r",)
    assert for_.expression is not None
    assert for_.expression.text == "SELECT 1 AS a"
    assert execute.names == ("x", "y")
    assert [(a.expression.text, a.name) for a in execute.arguments] == [("1", ""), ("'b'", "c")]
    assert call.names == ("p", "d", "proc")
    assert [a.expression.text for a in call.arguments] == ["1", "x"]
    assert system.names == ("script.time_out",)
    assert procedure.span.text.endswith("SELECT 2; END")


def test_spans_are_those_of_the_users_text(world: World) -> None:
    lines = SCRIPT.split("\n")

    def check(nodes: tuple[ScriptNode, ...]) -> int:
        count = 0
        for node in nodes:
            span = node.span
            assert SCRIPT[span.start : span.end] == span.text
            assert lines[span.line - 1][span.column - 1 :].startswith(span.text.split("\n")[0])
            count += 1 + check(node.body) + sum(check(b.body) for b in node.branches)
        return count

    assert check(world.googlesql.parse_script(SCRIPT)) == 31


def test_a_long_script_is_read_in_linear_time(world: World) -> None:
    nodes = world.googlesql.parse_script("SELECT 'é', `a.b`;\n" * 5000)
    assert len(nodes) == 5000
    assert nodes[-1].span.position == (5000, 1)
    assert nodes[-1].kind is ScriptKind.STATEMENT
