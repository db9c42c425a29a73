"""Ways around the row access policies of a table, for who is shown one of its two rows."""

from __future__ import annotations

from typing import Any

HIDDEN = "HIDDENWORD"
DENIED = (
    "Access Denied: Table p:d.secret: User does not have full access for table p:d.secret due to row access"
    " policies."
)
SETUP = f"""\
CREATE TABLE secret (id INT64, kind STRING, word STRING, n INT64, tags ARRAY<STRING>);
INSERT secret VALUES (1, 'public', 'seen', 1, ['a']), (2, 'hidden', '{HIDDEN}', 0, ['{HIDDEN}']);
CREATE TABLE plain AS SELECT 1 AS id, 'x' AS word UNION ALL SELECT 2, 'y';
CREATE TABLE target (id INT64, word STRING);
CREATE TABLE shard_1 AS SELECT 1 AS id, '{HIDDEN}' AS word;
CREATE TABLE shard_2 AS SELECT 2 AS id, 'open' AS word;
CREATE VIEW v AS SELECT * FROM d.secret;
CREATE VIEW vv AS SELECT id, word FROM d.v WHERE TRUE;
CREATE MATERIALIZED VIEW mv AS SELECT kind, COUNT(*) AS c, MAX(word) AS word FROM d.secret GROUP BY kind;
CREATE FUNCTION words() AS ((SELECT STRING_AGG(word) FROM d.secret));
CREATE TABLE FUNCTION rows_of(k STRING) AS SELECT * FROM d.secret WHERE kind = k OR TRUE;
CREATE PROCEDURE show() BEGIN SELECT word FROM d.secret; END;
CREATE ROW ACCESS POLICY everything ON secret GRANT TO ('user:owner@example.com') FILTER USING (TRUE);
CREATE ROW ACCESS POLICY open ON secret GRANT TO ('user:Eve@Example.com', 'group:g@example.com')
FILTER USING (kind = 'public');
CREATE ROW ACCESS POLICY everything ON shard_1 GRANT TO ('user:owner@example.com') FILTER USING (TRUE);
"""

# What eve, who is shown the row of kind 'public', writes -> the rows that she gets; a text is the error.
WAYS: list[tuple[str, list[list[Any]] | str]] = [
    # Spellings of the table.
    ("SELECT word FROM secret", [["seen"]]),
    ("SELECT word FROM d.secret", [["seen"]]),
    ("SELECT word FROM p.d.secret", [["seen"]]),
    ("SELECT word FROM `p.d.secret`", [["seen"]]),
    ("SELECT word FROM `p`.`d`.`secret`", [["seen"]]),
    ("SELECT word FROM `p.d`.secret AS s", [["seen"]]),
    ("SELECT s.word FROM secret s", [["seen"]]),
    ("SELECT secret.* FROM secret", [[1, "public", "seen", 1, ["a"]]]),
    ("SELECT * EXCEPT (tags) FROM secret", [[1, "public", "seen", 1]]),
    ("SELECT s FROM secret AS s", [[[1, "public", "seen", 1, ["a"]]]]),
    ("SELECT TO_JSON_STRING(s.word) FROM secret AS s", [['"seen"']]),
    ("SELECT AS STRUCT word FROM secret", [["seen"]]),
    ("SELECT AS VALUE word FROM secret", [["seen"]]),
    ("FROM secret |> SELECT word", [["seen"]]),
    ("FROM secret |> WHERE TRUE |> AGGREGATE COUNT(*) AS c", [[1]]),
    ("(SELECT word FROM secret)", [["seen"]]),
    # Aggregates and counts.
    ("SELECT COUNT(*) FROM secret", [[1]]),
    ("SELECT COUNT(*) FROM secret WHERE kind = 'hidden'", [[0]]),
    ("SELECT MAX(word), MIN(n), SUM(id) FROM secret", [["seen", 1, 1]]),
    ("SELECT STRING_AGG(word) FROM secret", [["seen"]]),
    ("SELECT ARRAY_AGG(word) FROM secret", [[["seen"]]]),
    ("SELECT APPROX_COUNT_DISTINCT(word) FROM secret", [[1]]),
    ("SELECT kind, COUNT(*) FROM secret GROUP BY ROLLUP (kind) ORDER BY 1", [[None, 1], ["public", 1]]),
    ("SELECT DISTINCT kind FROM secret", [["public"]]),
    ("SELECT word, ROW_NUMBER() OVER (ORDER BY id DESC), COUNT(*) OVER () FROM secret", [["seen", 1, 1]]),
    (
        "SELECT LAST_VALUE(word) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
        " FROM secret",
        [["seen"]],
    ),
    ("SELECT word FROM secret QUALIFY RANK() OVER (ORDER BY id DESC) = 1", [["seen"]]),
    ("SELECT word FROM secret ORDER BY id DESC LIMIT 1", [["seen"]]),
    ("SELECT word FROM secret ORDER BY id LIMIT 5 OFFSET 1", []),
    (
        "SELECT * FROM (SELECT kind, id FROM secret) PIVOT (SUM(id) FOR kind IN ('public', 'hidden'))",
        [[1, None]],
    ),
    ("SELECT t FROM secret, UNNEST(tags) AS t", [["a"]]),
    ("SELECT t FROM secret CROSS JOIN secret.tags AS t", [["a"]]),
    # Errors of rows that she is not shown tell nothing.
    ("SELECT 1 / n FROM secret", [[1.0]]),
    ("SELECT word FROM secret WHERE 1 / n > 0", [["seen"]]),
    ("SELECT word FROM secret WHERE IF(kind = 'hidden', ERROR(word), TRUE)", [["seen"]]),
    ("SELECT CAST(IF(kind = 'hidden', word, '7') AS INT64) FROM secret", [[7]]),
    ("SELECT a.word FROM secret a JOIN plain b ON 1 / a.n > 0 AND a.id = b.id", [["seen"]]),
    ("SELECT COUNT(*) FROM secret GROUP BY 10 / n", [[1]]),
    ("SELECT word FROM secret ORDER BY 1 / n", [["seen"]]),
    ("SELECT SUM(1 / n) FROM secret HAVING SUM(1 / n) > 0", [[1.0]]),
    # Joins, subqueries, set operations.
    ("SELECT a.word FROM secret a JOIN secret b ON TRUE", [["seen"]]),
    ("SELECT b.id, a.word FROM plain b LEFT JOIN secret a USING (id) ORDER BY 1", [[1, "seen"], [2, None]]),
    (
        "SELECT a.id, a.word FROM secret a RIGHT JOIN plain b USING (id) ORDER BY 1",
        [[None, None], [1, "seen"]],
    ),
    (
        "SELECT id, word FROM secret FULL JOIN plain USING (id, word) ORDER BY 1, 2",
        [[1, "seen"], [1, "x"], [2, "y"]],
    ),
    ("SELECT (SELECT MAX(word) FROM secret)", [["seen"]]),
    ("SELECT ARRAY(SELECT word FROM secret)", [[["seen"]]]),
    ("SELECT EXISTS (SELECT 1 FROM secret WHERE id = 2)", [[False]]),
    ("SELECT id IN (SELECT id FROM secret) FROM plain ORDER BY id", [[True], [False]]),
    ("SELECT id FROM plain p WHERE EXISTS (SELECT 1 FROM secret s WHERE s.id = p.id)", [[1]]),
    ("SELECT (SELECT word FROM secret s WHERE s.id = p.id) FROM plain p ORDER BY id", [["seen"], [None]]),
    ("SELECT word FROM secret UNION ALL SELECT word FROM secret", [["seen"], ["seen"]]),
    ("SELECT id FROM plain EXCEPT DISTINCT SELECT id FROM secret", [[2]]),
    ("SELECT id FROM plain INTERSECT DISTINCT SELECT id FROM secret", [[1]]),
    ("WITH s AS (SELECT * FROM secret) SELECT word FROM s", [["seen"]]),
    ("WITH secret AS (SELECT * FROM d.secret) SELECT word FROM secret", [["seen"]]),
    (
        "WITH RECURSIVE r AS (SELECT id, word FROM secret UNION ALL SELECT r.id + 1, s.word FROM r"
        " JOIN secret s ON s.id = r.id + 1) SELECT word FROM r",
        [["seen"]],
    ),
    # Through other objects.
    ("SELECT word FROM v", [["seen"]]),
    ("SELECT word FROM vv", [["seen"]]),
    ("SELECT word, c FROM mv", [["seen", 1]]),
    ("SELECT words()", [["seen"]]),
    ("SELECT d.words() FROM plain LIMIT 1", [["seen"]]),
    ("SELECT word FROM rows_of('hidden')", [["seen"]]),
    ("CALL show()", [["seen"]]),
    ("CREATE TEMP FUNCTION f() AS ((SELECT MAX(word) FROM d.secret)); SELECT f()", [["seen"]]),
    ("CREATE VIEW mine AS SELECT word FROM d.secret; SELECT * FROM mine", [["seen"]]),
    ("CREATE TEMP TABLE tt AS SELECT word FROM secret; SELECT * FROM tt", [["seen"]]),
    ("DECLARE w STRING DEFAULT (SELECT MAX(word) FROM secret); SELECT w", [["seen"]]),
    ("DECLARE w ARRAY<STRING>; SET w = ARRAY(SELECT word FROM secret); SELECT w", [[["seen"]]]),
    ("EXECUTE IMMEDIATE 'SELECT word FROM secret'", [["seen"]]),
    ("BEGIN TRANSACTION; SELECT word FROM secret; COMMIT TRANSACTION; SELECT word FROM secret", [["seen"]]),
    ("FOR r IN (SELECT word FROM secret) DO SELECT r.word; END FOR; SELECT word FROM secret", [["seen"]]),
    ("IF (SELECT COUNT(*) FROM secret) > 1 THEN SELECT 'two'; ELSE SELECT 'one'; END IF", [["one"]]),
    # Rows of other times, samples, wildcards.
    ("SELECT word FROM secret FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()", [["seen"]]),
    (
        "SELECT word FROM d.secret FOR SYSTEM_TIME AS OF"
        " TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 0 SECOND)",
        [["seen"]],
    ),
    ("SELECT word FROM APPENDS(TABLE d.secret, NULL, NULL)", DENIED),
    ("SELECT word FROM secret TABLESAMPLE SYSTEM (100 PERCENT)", "TABLESAMPLE is not supported"),
    ("SELECT word FROM `d.shard_*`", "Wildcard table queries are not supported"),
    ("SELECT word FROM `d.shard_*` WHERE _TABLE_SUFFIX = '2'", "Wildcard table queries are not supported"),
    # The exact route.
    ("SELECT UPPER(SOUNDEX(word)), word FROM secret", [["S500", "seen"]]),
    ("SELECT MAX(UPPER(SOUNDEX(word))), COUNT(*) FROM secret", [["S500", 1]]),
    ("SELECT UPPER(SOUNDEX(word)) FROM v", [["S500"]]),
    ("SELECT UPPER(SOUNDEX(s.word)) FROM secret s JOIN secret t USING (id)", [["S500"]]),
    # Copies, by those who see all rows only.
    ("CREATE TABLE c1 COPY secret", DENIED),
    ("CREATE TABLE c2 CLONE secret", DENIED),
    ("CREATE SNAPSHOT TABLE c3 CLONE secret", DENIED),
    ("CREATE TABLE c4 LIKE secret; SELECT word FROM c4", []),
    ("CREATE TABLE c5 AS SELECT * FROM secret; SELECT word FROM c5", [["seen"]]),
    ("CREATE OR REPLACE TABLE target AS SELECT id, word FROM secret; SELECT word FROM target", [["seen"]]),
    ("INSERT target SELECT id, word FROM secret; SELECT word FROM target", [["seen"]]),
    ("INSERT target VALUES (9, (SELECT MAX(word) FROM secret)); SELECT word FROM target", [["seen"]]),
    (
        "UPDATE plain SET word = s.word FROM secret s WHERE s.id = plain.id;"
        " SELECT word FROM plain ORDER BY id",
        [["seen"], ["y"]],
    ),
    (
        "UPDATE plain SET word = (SELECT MAX(word) FROM secret) WHERE id = 2;"
        " SELECT word FROM plain ORDER BY id",
        [["x"], ["seen"]],
    ),
    ("DELETE plain WHERE id IN (SELECT id FROM secret); SELECT id FROM plain", [[2]]),
    (
        "MERGE plain t USING secret s ON t.id = s.id WHEN MATCHED THEN UPDATE SET word = s.word;"
        " SELECT word FROM plain ORDER BY id",
        [["seen"], ["y"]],
    ),
    # Changes of the table itself.
    ("INSERT secret (id) VALUES (3)", DENIED),
    ("INSERT secret SELECT * FROM secret", DENIED),
    ("UPDATE secret SET kind = 'public' WHERE TRUE", DENIED),
    ("DELETE secret WHERE 1 / n > 0", DENIED),
    ("TRUNCATE TABLE secret", DENIED),
    ("MERGE secret t USING plain s ON t.id = s.id WHEN MATCHED THEN DELETE", DENIED),
    ("BEGIN TRANSACTION; UPDATE secret SET kind = 'public' WHERE TRUE; SELECT word FROM secret", DENIED),
    ("ALTER TABLE secret DROP COLUMN kind", "Column kind is part of row access policy open and cannot be"),
    ("ALTER TABLE secret RENAME COLUMN kind TO k", "Column kind is part of row access policy open"),
    ("ALTER TABLE secret RENAME TO other; SELECT word FROM other", [["seen"]]),
    ("ALTER TABLE secret ADD COLUMN more INT64; SELECT word FROM secret", [["seen"]]),
    ("ALTER TABLE secret ALTER COLUMN id SET DATA TYPE NUMERIC; SELECT word FROM secret", [["seen"]]),
    ("ASSERT (SELECT COUNT(*) FROM secret) = 1; SELECT word FROM secret", [["seen"]]),
    ("DROP ROW ACCESS POLICY open ON shard_1", "Not found: Row access policy open on table p:d.shard_1"),
]
