from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.engine.kernels import kernels
from bqsim.engine.kernels.net_hosts import host, public_suffix, reg_domain

URLS = (
    "https://www.example.com:80/a?b#c", "ftp://a-b.c_d", "//x.y?z", "http://a.b:", "x-y+z.1://h.i\nj", "http://h/\n",
    "http://a..b", "http://user@h", "http://é.x", "1a://h", "http://h:8x", "a.b.c", "", " http://h ", "http://.h",
)  # fmt: skip


def test_hosts_found_at_once_are_those_found_one_by_one() -> None:
    found = kernels()["bq_net_host"].function(pa.array([*URLS, None])).to_pylist()
    assert found == [*map(host, URLS), None]
    assert found[:6] == ["www.example.com", "a-b.c_d", "x.y", "a.b", "h.i\nj", "h"]


@pytest.mark.parametrize(
    ("name", "suffix", "domain"),
    [
        ("a.b.Co.Uk", "Co.Uk", "b.Co.Uk"),
        ("Example.COM.", "COM.", "Example.COM."),
        ("a.nothing", None, None),
        ("a..com", None, None),
        (".com", None, None),
    ],
)
def test_parts_of_hosts(name: str, suffix: str | None, domain: str | None) -> None:
    assert (public_suffix(name), reg_domain(name)) == (suffix, domain)


def test_each_host_of_a_batch_is_split() -> None:
    urls = pa.chunked_array([pa.array(["http://a.com/1", None]), pa.array(["http://a.com/2", "x"])])
    found = kernels()["bq_net_reg_domain"].function(urls).to_pylist()
    assert found == ["a.com", None, "a.com", None]
