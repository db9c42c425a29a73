from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, literal

ADDRESSES = ("1.2.3.4", "::1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "fe80::", None)
BAD = ("1.2.3", "01.2.3.4", " 1.2.3.4", "1::2::3", "fe80::1%eth0", "::1/64", "")


def test_ip_from_string(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "NET.IP_FROM_STRING(x)", "x STRING", [(a,) for a in ADDRESSES])
    assert_agrees(warehouse, "NET.SAFE_IP_FROM_STRING(x)", "x STRING", [(a,) for a in ADDRESSES + BAD])
    for bad in BAD:
        assert_agrees(warehouse, "NET.IP_FROM_STRING(x)", "x STRING", [(bad,)])


def test_ip_to_string(warehouse: Warehouse) -> None:
    values = (
        b"\x01\x02\x03\x04", bytes(16), bytes(15) + b"\x01", bytes(10) + b"\xff\xff\x01\x02\x03\x04",
        bytes(12) + b"\x01\x02\x03\x04", b"0123456789abcdef", None,
    )  # fmt: skip
    assert_agrees(warehouse, "NET.IP_TO_STRING(x)", "x BYTES", [(v,) for v in values])
    assert_agrees(warehouse, "NET.IP_TO_STRING(x)", "x BYTES", [(b"abc",)])


@pytest.mark.parametrize("row", ((4, 0), (4, 20), (4, 32), (16, 1), (16, 128), (4, 33), (4, -1), (5, 1)))
def test_ip_net_mask(warehouse: Warehouse, row: tuple[int, int]) -> None:
    assert_agrees(warehouse, "NET.IP_NET_MASK(x, n)", "x INT64, n INT64", [row])


@pytest.mark.parametrize(
    "row", ((b"\xaa\xbb\xcc\xdd", 11), (b"0123456789abcdef", 80), (b"abcd", 33), (b"abc", 1), (None, 1))
)
def test_ip_trunc(warehouse: Warehouse, row: tuple[bytes | None, int]) -> None:
    assert_agrees(warehouse, "NET.IP_TRUNC(x, n)", "x BYTES, n INT64", [row])


@pytest.mark.parametrize("number", (0, -1, 2**32 - 1, -(2**31), 2**32, -(2**31) - 1, None))
def test_ipv4_numbers(warehouse: Warehouse, number: int | None) -> None:
    assert_agrees(warehouse, "NET.IPV4_FROM_INT64(n)", "n INT64", [(number,)])


def test_ipv4_to_int64(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "NET.IPV4_TO_INT64(x)", "x BYTES", [(b"\xff\x00\x01\x02",), (None,)])
    assert_agrees(warehouse, "NET.IPV4_TO_INT64(x)", "x BYTES", [(b"abc",)])


HOSTS = (
    "", "http://abc.xyz", "//user:password@a.b:80/path?query", "https://[::1]:80", "http://例子.卷筒纸.中国",
    "    www.Example.Co.UK    ", "mailto:?to=&subject=&body=", "abc", "http://", "http:/", "//", "/a/b",
    "a/b", "a:80/b", "a:b@c", "user@a.b", "http:a.b", "http:///a.b/c", "http://a.b?x", "http://a.b\\c",
    "http://a:b@c:d@e/f", "http://a.b:", "http://.a.b.", "...", "http://...a.b", "a..", "http:// a.b /c",
    "\ta.b\n", "\x0ba\x0c", "http://[::1", "http://[::1]x:80", "::1", "HTTP://A.B", "h_t://a.b", "://a.b",
    ":a", "@", "a@", "http://:80@a", "x:y:z", "a.b/@c", "[a]b:c", "http://x[::1]:8/", "a//b", "a:b//c",
    "ftp.x.y//b", "http : //a", "a?b://c", "a@b://c", "x://[a@b]:8", "\\\\a", "http:\\\\a.b", "a//b://c",
    "x://y://z", "x://[::1]..:5", "é://b", "\u3000a", "a\u00adb", None,
)  # fmt: skip


def test_host(warehouse: Warehouse) -> None:
    assert_agrees(warehouse, "NET.HOST(x)", "x STRING", [(url,) for url in HOSTS])


@pytest.mark.parametrize(
    ("url", "suffix", "domain"),
    [
        ("", None, None),
        ("http://abc.xyz", "xyz", "abc.xyz"),
        ("//user:password@a.b:80/path?query", None, None),
        ("https://[::1]:80", None, None),
        ("http://例子.卷筒纸.中国", "中国", "卷筒纸.中国"),
        ("    www.Example.Co.UK    ", "Co.UK", "Example.Co.UK"),
        ("mailto:?to=&subject=&body=", None, None),
        ("co.uk", "co.uk", None),
        ("a..co.uk", None, None),
        ("..a.co.uk..", "co.uk.", "a.co.uk."),
        ("com", "com", None),
        ("1.2.3.4", None, None),
        # Rules with *, what they do not cover, and exceptions of them.
        ("a.b.ck", "b.ck", "a.b.ck"),
        ("b.ck", "b.ck", None),
        ("x.www.ck", "ck", "www.ck"),
        ("sch.uk", "uk", "sch.uk"),
        ("a.city.kawasaki.jp", "kawasaki.jp", "city.kawasaki.jp"),
        # Names that private owners hand out are not suffixes.
        ("me.github.io", "io", "github.io"),
        ("MÜNCHEN.XN--FIQS8S", "XN--FIQS8S", "MÜNCHEN.XN--FIQS8S"),
        (None, None, None),
    ],
)
def test_suffix_and_domain(
    warehouse: Warehouse, url: str | None, suffix: str | None, domain: str | None
) -> None:
    sql = f"SELECT NET.PUBLIC_SUFFIX({literal(url)}), NET.REG_DOMAIN({literal(url)})"
    assert warehouse.rows(sql) == [[suffix, domain]]


def test_hosts_of_a_table(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE d.urls AS SELECT IF(x = 7, NULL, FORMAT('https://www.a%d.co.uk/%d', MOD(x, 3), x)) u "
        "FROM UNNEST(GENERATE_ARRAY(1, 5000)) x"
    )
    sql = "SELECT NET.REG_DOMAIN(u) r, COUNT(*) FROM d.urls GROUP BY r ORDER BY r"
    assert warehouse.rows(sql) == [[None, 1], ["a0.co.uk", 1666], ["a1.co.uk", 1666], ["a2.co.uk", 1667]]
