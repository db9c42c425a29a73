from bqsim.reports import html


def test_a_page_is_whole_and_fetches_nothing() -> None:
    page = html.page("A & B", [html.Section("Part <1>", html.paragraph("x < y"))])
    assert page.startswith("<!DOCTYPE html>")
    assert "<title>A &amp; B</title>" in page
    assert "Part &lt;1&gt;" in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")


def test_texts_are_escaped_and_markup_stays() -> None:
    table = html.table(["a<b", "n"], [["<i>", 5], [html.code("<x>"), 6]])
    assert "a&lt;b" in table
    assert "<td>&lt;i&gt;</td>" in table
    assert "<td><code>&lt;x&gt;</code></td>" in table
    assert '<td class="n">5</td>' in table


def test_a_verdict_is_told_without_its_colour() -> None:
    assert "✓" in html.verdict("same", True)
    assert "✗" in html.verdict("dearer", False)


def test_a_caption_cannot_leave_its_attribute() -> None:
    assert 'aria-label="&quot; onfocus=&quot;x"' in html.table(["a"], [], caption='" onfocus="x')
