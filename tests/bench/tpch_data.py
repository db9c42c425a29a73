"""A deterministic data set with the tables, types and value distributions of TPC-H, made by SQL.

Values come from hashes of row numbers, so every run and machine gets the same rows.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")

# GoogleSQL schemas: money and quantities are NUMERIC, as TPC-H asks for exact decimals.
DDL = {
    "region": "r_regionkey INT64, r_name STRING, r_comment STRING",
    "nation": "n_nationkey INT64, n_name STRING, n_regionkey INT64, n_comment STRING",
    "supplier": "s_suppkey INT64, s_name STRING, s_address STRING, s_nationkey INT64, s_phone STRING, "
    "s_acctbal NUMERIC, s_comment STRING",
    "customer": "c_custkey INT64, c_name STRING, c_address STRING, c_nationkey INT64, c_phone STRING, "
    "c_acctbal NUMERIC, c_mktsegment STRING, c_comment STRING",
    "part": "p_partkey INT64, p_name STRING, p_mfgr STRING, p_brand STRING, p_type STRING, p_size INT64, "
    "p_container STRING, p_retailprice NUMERIC, p_comment STRING",
    "partsupp": "ps_partkey INT64, ps_suppkey INT64, ps_availqty INT64, ps_supplycost NUMERIC, ps_comment STRING",
    "orders": "o_orderkey INT64, o_custkey INT64, o_orderstatus STRING, o_totalprice NUMERIC, o_orderdate DATE, "
    "o_orderpriority STRING, o_clerk STRING, o_shippriority INT64, o_comment STRING",
    "lineitem": "l_orderkey INT64, l_partkey INT64, l_suppkey INT64, l_linenumber INT64, l_quantity NUMERIC, "
    "l_extendedprice NUMERIC, l_discount NUMERIC, l_tax NUMERIC, l_returnflag STRING, l_linestatus STRING, "
    "l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct STRING, l_shipmode STRING, l_comment STRING",
}

_REGIONS = "['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST']"
_NATIONS = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
    ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4),
    ("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3),
    ("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
_COLORS = (
    "['almond','antique','azure','beige','black','blue','brown','chocolate','coral','cream','forest','green']"
)
_TYPES1 = "['STANDARD','SMALL','MEDIUM','LARGE','ECONOMY','PROMO']"
_TYPES2 = "['ANODIZED','BURNISHED','PLATED','POLISHED','BRUSHED']"
_TYPES3 = "['TIN','NICKEL','BRASS','STEEL','COPPER']"
_CONT1 = "['SM','LG','MED','JUMBO','WRAP']"
_CONT2 = "['CASE','BOX','BAG','JAR','PKG','PACK','CAN','DRUM']"
_SEGMENTS = "['AUTOMOBILE','BUILDING','FURNITURE','MACHINERY','HOUSEHOLD']"
_PRIORITIES = "['1-URGENT','2-HIGH','3-MEDIUM','4-NOT SPECIFIED','5-LOW']"
_MODES = "['REG AIR','AIR','RAIL','SHIP','TRUCK','MAIL','FOB']"
_INSTRUCT = "['DELIVER IN PERSON','COLLECT COD','NONE','TAKE BACK RETURN']"
_WORDS = "['furiously','special','pending','requests','Customer','Complaints','carefully','deposits','quick','ironic']"

_MACROS = f"""
CREATE MACRO h(i, salt) AS (hash(i * 1000003 + salt) % 1000000007)::BIGINT;
CREATE MACRO pick(list, i, salt) AS list[1 + (h(i, salt) % len(list))::INTEGER];
CREATE MACRO money(i, salt, lo, hi) AS ((lo * 100 + h(i, salt) % ((hi - lo) * 100))::DECIMAL(15,0) / 100)::DECIMAL(15,2);
CREATE MACRO words(i, salt) AS pick({_WORDS}, i, salt) || ' ' || pick({_WORDS}, i, salt + 1) || ' '
  || pick({_WORDS}, i, salt + 2) || ' ' || pick({_WORDS}, i, salt + 3);
CREATE MACRO phone(nation, i, salt) AS (nation + 10)::VARCHAR || '-' || (100 + h(i, salt) % 900)::VARCHAR || '-'
  || (100 + h(i, salt + 1) % 900)::VARCHAR || '-' || (1000 + h(i, salt + 2) % 9000)::VARCHAR;
"""


def _statements(scale: float) -> dict[str, str]:
    suppliers, customers = max(10, int(10_000 * scale)), max(30, int(150_000 * scale))
    parts, orders = max(40, int(200_000 * scale)), max(60, int(1_500_000 * scale))
    nations = ", ".join(f"({i}, '{name}', {region})" for i, (name, region) in enumerate(_NATIONS))
    return {
        "region": f"SELECT i AS r_regionkey, {_REGIONS}[i + 1] AS r_name, words(i, 1) AS r_comment FROM range(5) t(i)",
        "nation": f"SELECT k AS n_nationkey, n AS n_name, r AS n_regionkey, words(k, 2) AS n_comment "
        f"FROM (VALUES {nations}) t(k, n, r)",
        "supplier": f"SELECT i AS s_suppkey, 'Supplier#' || lpad(i::VARCHAR, 9, '0') AS s_name, words(i, 11) AS s_address, "
        f"h(i, 12) % 25 AS s_nationkey, phone(h(i, 12) % 25, i, 13) AS s_phone, money(i, 16, -999, 9999) AS s_acctbal, "
        f"words(i, 17) AS s_comment FROM range(1, {suppliers + 1}) t(i)",
        "customer": f"SELECT i AS c_custkey, 'Customer#' || lpad(i::VARCHAR, 9, '0') AS c_name, words(i, 21) AS c_address, "
        f"h(i, 22) % 25 AS c_nationkey, phone(h(i, 22) % 25, i, 23) AS c_phone, money(i, 26, -999, 9999) AS c_acctbal, "
        f"pick({_SEGMENTS}, i, 27) AS c_mktsegment, words(i, 28) AS c_comment FROM range(1, {customers + 1}) t(i)",
        "part": f"SELECT i AS p_partkey, pick({_COLORS}, i, 31) || ' ' || pick({_COLORS}, i, 32) AS p_name, "
        f"'Manufacturer#' || (1 + h(i, 33) % 5) AS p_mfgr, 'Brand#' || (1 + h(i, 33) % 5) || (1 + h(i, 34) % 5) AS p_brand, "
        f"pick({_TYPES1}, i, 35) || ' ' || pick({_TYPES2}, i, 36) || ' ' || pick({_TYPES3}, i, 37) AS p_type, "
        f"1 + h(i, 38) % 50 AS p_size, pick({_CONT1}, i, 39) || ' ' || pick({_CONT2}, i, 40) AS p_container, "
        f"money(i, 41, 900, 2000) AS p_retailprice, words(i, 42) AS p_comment FROM range(1, {parts + 1}) t(i)",
        "partsupp": f"SELECT p AS ps_partkey, 1 + (p + j * ({suppliers} // 4 + (p - 1) // {suppliers})) % {suppliers} AS ps_suppkey, "
        f"1 + h(p * 4 + j, 51) % 9999 AS ps_availqty, money(p * 4 + j, 52, 1, 1000) AS ps_supplycost, "
        f"words(p * 4 + j, 53) AS ps_comment FROM range(1, {parts + 1}) a(p), range(4) b(j)",
        "orders": f"SELECT i * 4 - 3 AS o_orderkey, 1 + (h(i, 61) % ({customers} * 2 // 3)) * 3 // 2 AS o_custkey, "
        f"pick(['F','O','P'], i, 62) AS o_orderstatus, money(i, 63, 900, 400000) AS o_totalprice, "
        f"DATE '1992-01-01' + (h(i, 64) % 2405)::INTEGER AS o_orderdate, pick({_PRIORITIES}, i, 65) AS o_orderpriority, "
        f"'Clerk#' || lpad((1 + h(i, 66) % 1000)::VARCHAR, 9, '0') AS o_clerk, 0 AS o_shippriority, words(i, 67) AS o_comment "
        f"FROM range(1, {orders + 1}) t(i)",
        "lineitem": f"""
            SELECT i * 4 - 3 AS l_orderkey, p AS l_partkey,
              1 + (p + (h(k, 73) % 4) * ({suppliers} // 4 + (p - 1) // {suppliers})) % {suppliers} AS l_suppkey,
              j + 1 AS l_linenumber, q::DECIMAL(15,2) AS l_quantity,
              (q * (900 + h(p, 41) % 1100))::DECIMAL(15,2) AS l_extendedprice,
              ((h(k, 75) % 11) / 100)::DECIMAL(15,2) AS l_discount, ((h(k, 76) % 9) / 100)::DECIMAL(15,2) AS l_tax,
              CASE WHEN ship + 15 <= DATE '1995-06-17' THEN pick(['R','A'], k, 77) ELSE 'N' END AS l_returnflag,
              CASE WHEN ship > DATE '1995-06-17' THEN 'O' ELSE 'F' END AS l_linestatus, ship AS l_shipdate,
              od + (30 + h(k, 79) % 61)::INTEGER AS l_commitdate, ship + (1 + h(k, 80) % 30)::INTEGER AS l_receiptdate,
              pick({_INSTRUCT}, k, 81) AS l_shipinstruct, pick({_MODES}, k, 82) AS l_shipmode, words(k, 83) AS l_comment
            FROM (SELECT i, j, i * 7 + j AS k, 1 + h(i * 7 + j, 71) % {parts} AS p, 1 + h(i * 7 + j, 74) % 50 AS q,
                    DATE '1992-01-01' + (h(i, 64) % 2405)::INTEGER AS od,
                    DATE '1992-01-01' + (h(i, 64) % 2405 + 1 + h(i * 7 + j, 78) % 121)::INTEGER AS ship
                  FROM range(1, {orders + 1}) a(i), range(7) b(j) WHERE j <= h(i, 70) % 7)
            ORDER BY l_orderkey, l_linenumber""",
    }  # fmt: skip


def _physical(table: str, numeric: str) -> str:
    """The engine's columns of a GoogleSQL schema."""
    kinds = {"INT64": "BIGINT", "STRING": "VARCHAR", "NUMERIC": numeric, "DATE": "DATE"}
    columns = (column.split() for column in DDL[table].split(", "))
    return ", ".join(f"{name} {kinds[kind]}" for name, kind in columns)


def raw_database(scale: float, numeric: str = "DECIMAL(38,9)") -> duckdb.DuckDBPyConnection:
    """A plain DuckDB with the eight tables, in the types that BigQuery's types map to.

    With ``numeric`` DECIMAL(15,2), the narrowest type that TPC-H allows, it computes in 64 bits where
    NUMERIC has 128.
    """
    connection = duckdb.connect()
    connection.execute(_MACROS)
    for table, select in _statements(scale).items():
        connection.execute(f"CREATE TABLE {table} ({_physical(table, numeric)})")
        connection.execute(f"INSERT INTO {table} {select}")
    return connection


def write_parquet(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Path]:
    """One Parquet file a table."""
    files = {}
    for table in TABLES:
        files[table] = folder / f"{table}.parquet"
        connection.execute(f"COPY {table} TO '{files[table]}' (FORMAT parquet)")
    return files
