from bqsim.cost.temporary import Made


def test_tables_of_a_script_are_written_out_as_their_queries() -> None:
    made = Made()
    assert made.take("SELECT 1") is None
    assert made.take("CREATE TABLE d.empty (x INT64)") is None
    assert made.take("CREATE TEMP TABLE t AS SELECT a FROM d.s") == "SELECT a FROM d.s"
    found = made.written_out("SELECT a FROM t AS x JOIN d.u USING (a)")
    assert found == (
        "SELECT a FROM (SELECT a FROM d.s) AS x JOIN d.u USING (a)",
        ["SELECT a FROM d.s"],
    )
    # What is made of it is written out to the end.
    assert made.take("CREATE TABLE d.v AS SELECT a FROM t") == "SELECT a FROM (SELECT a FROM d.s) AS t"
    assert made.written_out("SELECT a FROM d.w") is None


def test_what_changes_such_a_table_is_not_written_out() -> None:
    made = Made()
    made.take("CREATE TEMP TABLE t AS SELECT a FROM d.s")
    assert made.written_out("INSERT INTO t SELECT a FROM d.u") is None
    assert made.written_out("DELETE FROM t WHERE a = 1") is None
    assert made.written_out("this is no SQL (") is None
    made.forget("t")
    assert made.written_out("SELECT a FROM t") is None
