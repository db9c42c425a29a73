from bqsim.reports import markdown


def test_a_table_of_texts_and_numbers() -> None:
    assert markdown.table(["query", "bytes"], [["a|b", 5], ["two\nlines", 7]]) == (
        "| query | bytes |\n|---|---:|\n| a\\|b | 5 |\n| two<br>lines | 7 |\n"
    )


def test_rows_that_are_short_are_filled_and_sides_can_be_told() -> None:
    assert markdown.table(["a", "b"], [["x"]], align="rc") == "| a | b |\n|---:|:---:|\n| x |  |\n"


def test_a_pipe_that_is_escaped_stays_so() -> None:
    assert markdown.table(["a"], [["x\\|y"], ["x\\\\|y"]]).splitlines()[2:] == ["| x\\|y |", "| x\\\\\\|y |"]


def test_text_means_nothing_to_markdown() -> None:
    assert markdown.text("a_b *c* <d>\n[e]") == "a\\_b \\*c\\* \\<d\\> \\[e\\]"


def test_code_holds_backquotes() -> None:
    assert markdown.code("SELECT 1") == "`SELECT 1`"
    assert markdown.code("`p.d.t`") == "`` `p.d.t` ``"
    assert markdown.code("") == ""


def test_details_are_folded() -> None:
    assert markdown.details("More", "text\n") == "<details><summary>More</summary>\n\ntext\n\n</details>\n"
