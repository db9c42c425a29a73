"""A deterministic warehouse of a retailer who sells in stores, by catalog and on the web, made by SQL.

Values come from hashes of row numbers, so every run and machine gets the same rows. Keys are skewed
towards the low ones, some keys and amounts are NULL. Scale 1 has 1,000,000 lines of store sales.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

_MONEY = ("wholesale_cost", "list_price", "sales_price", "ext_discount", "ext_sales", "ext_wholesale",
          "ext_list", "ext_tax", "coupon", "net_paid", "net_profit")  # fmt: skip


def _sales(prefix: str, keys: str) -> str:
    """The columns of a fact of sales: keys, the order, the quantity and the amounts."""
    integers = [f"{prefix}_{k} INT64" for k in [*keys.split(), "quantity"]]
    return ", ".join(integers + [f"{prefix}_{m} NUMERIC" for m in _MONEY])


# GoogleSQL schemas.
DDL = {
    "date_dim": "d_key INT64, d_date DATE, d_year INT64, d_quarter INT64, d_month INT64, d_day INT64, d_dow INT64, "
    "d_day_name STRING, d_week INT64, d_month_seq INT64, d_holiday BOOL, d_weekend BOOL",
    "time_dim": "t_key INT64, t_hour INT64, t_minute INT64, t_shift STRING, t_meal STRING",
    "item": "i_key INT64, i_id STRING, i_description STRING, i_brand_id INT64, i_brand STRING, i_class STRING, "
    "i_category STRING, i_maker_id INT64, i_maker STRING, i_size STRING, i_color STRING, i_units STRING, "
    "i_price NUMERIC, i_cost NUMERIC, i_manager_id INT64, i_since DATE",
    "customer": "c_key INT64, c_id STRING, c_cdemo_key INT64, c_hdemo_key INT64, c_addr_key INT64, c_salutation STRING, "
    "c_first_name STRING, c_last_name STRING, c_preferred BOOL, c_birth_year INT64, c_birth_month INT64, "
    "c_birth_day INT64, c_birth_country STRING, c_email STRING, c_since DATE",
    "customer_address": "ca_key INT64, ca_street STRING, ca_city STRING, ca_county STRING, ca_state STRING, "
    "ca_zip STRING, ca_country STRING, ca_offset NUMERIC, ca_kind STRING",
    "customer_demographics": "cd_key INT64, cd_gender STRING, cd_marital STRING, cd_education STRING, "
    "cd_purchases INT64, cd_credit STRING, cd_dependents INT64",
    "household_demographics": "hd_key INT64, hd_income_key INT64, hd_potential STRING, hd_dependents INT64, hd_vehicles INT64",
    "income_band": "ib_key INT64, ib_lower INT64, ib_upper INT64",
    "promotion": "p_key INT64, p_id STRING, p_name STRING, p_item_key INT64, p_start DATE, p_end DATE, p_cost NUMERIC, "
    "p_email BOOL, p_tv BOOL, p_purpose STRING",
    "store": "s_key INT64, s_id STRING, s_name STRING, s_employees INT64, s_floor INT64, s_hours STRING, s_manager STRING, "
    "s_market INT64, s_city STRING, s_county STRING, s_state STRING, s_tax NUMERIC, s_opened DATE, s_closed DATE",
    "warehouse": "w_key INT64, w_name STRING, w_feet INT64, w_city STRING, w_state STRING",
    "web_site": "web_key INT64, web_name STRING, web_class STRING, web_manager STRING, web_company STRING",
    "web_page": "wp_key INT64, wp_url STRING, wp_type STRING, wp_chars INT64, wp_links INT64",
    "call_center": "cc_key INT64, cc_name STRING, cc_class STRING, cc_employees INT64, cc_manager STRING, cc_county STRING",
    "catalog_page": "cp_key INT64, cp_id STRING, cp_department STRING, cp_catalog INT64, cp_page INT64, cp_type STRING",
    "ship_mode": "sm_key INT64, sm_type STRING, sm_code STRING, sm_carrier STRING",
    "reason": "r_key INT64, r_text STRING",
    "store_sales": _sales("ss", "date_key time_key item_key customer_key cdemo_key hdemo_key addr_key store_key promo_key ticket"),
    "catalog_sales": _sales("cs", "date_key time_key ship_date_key item_key customer_key cdemo_key hdemo_key addr_key "
                            "ship_customer_key ship_addr_key center_key page_key mode_key warehouse_key promo_key ticket"),
    "web_sales": _sales("ws", "date_key time_key ship_date_key item_key customer_key cdemo_key hdemo_key addr_key "
                        "ship_customer_key ship_addr_key site_key page_key mode_key warehouse_key promo_key ticket"),
    "store_returns": "sr_date_key INT64, sr_time_key INT64, sr_item_key INT64, sr_customer_key INT64, sr_addr_key INT64, "
    "sr_store_key INT64, sr_reason_key INT64, sr_ticket INT64, sr_quantity INT64, sr_amount NUMERIC, sr_fee NUMERIC, "
    "sr_cash NUMERIC, sr_loss NUMERIC",
    "catalog_returns": "cr_date_key INT64, cr_time_key INT64, cr_item_key INT64, cr_customer_key INT64, cr_addr_key INT64, "
    "cr_center_key INT64, cr_reason_key INT64, cr_ticket INT64, cr_quantity INT64, cr_amount NUMERIC, cr_fee NUMERIC, "
    "cr_cash NUMERIC, cr_loss NUMERIC",
    "web_returns": "wr_date_key INT64, wr_time_key INT64, wr_item_key INT64, wr_customer_key INT64, wr_addr_key INT64, "
    "wr_page_key INT64, wr_reason_key INT64, wr_ticket INT64, wr_quantity INT64, wr_amount NUMERIC, wr_fee NUMERIC, "
    "wr_cash NUMERIC, wr_loss NUMERIC",
    "inventory": "inv_date_key INT64, inv_item_key INT64, inv_warehouse_key INT64, inv_quantity INT64",
}  # fmt: skip
TABLES = tuple(DDL)

_DAYS = 1826  # 2019-01-01 to 2023-12-31
_MACROS = """
CREATE MACRO h(i, salt) AS (hash(i * 1000003 + salt) % 1000000007)::BIGINT;
CREATE MACRO pick(words, i, salt) AS string_split(words, ' ')[1 + (h(i, salt) % len(string_split(words, ' ')))::INTEGER];
CREATE MACRO key(i, salt, n) AS 1 + h(i, salt) % n;
CREATE MACRO skewed(i, salt, n) AS 1 + (h(i, salt) % n) * (h(i, salt + 500) % n) // n;
CREATE MACRO gaps(v, i, salt, one_in) AS CASE WHEN h(i, salt + 700) % one_in = 0 THEN NULL ELSE v END;
CREATE MACRO cash(cents) AS (cents::DECIMAL(15,2) * 0.01)::DECIMAL(15,2);
"""
_COLORS = "almond azure beige black blue brown coral cream forest green ivory lime navy olive orchid"
_STATES = "TN CA TX OH GA NY WA IL FL MO"
_CITIES = "Fairview Midway Oakland Centerville Riverside Greenfield Salem Union Antioch Concord"
_COUNTIES = "Williamson Ziebach Walker Daviess Barrow Franklin Luce Richland"
_NAMES = "Anna Boris Clara David Elena Felix Greta Hugo Irene Jonas Karin Lukas Maria Nils Olga Peter"
_LASTS = "Adler Baker Carter Dixon Evans Fisher Gray Hughes Irwin Jensen Keller Lopez Meyer Novak Owens"


def _sizes(scale: float) -> dict[str, int]:
    return {
        "item": max(60, int(18_000 * min(scale, 1) ** 0.5)),
        "customer": max(80, int(100_000 * scale)),
        "addr": max(60, int(50_000 * scale)),
        "cdemo": 1400,
        "hdemo": 720,
        "store": 12,
        "warehouse": 5,
        "promo": 60,
        "site": 6,
        "wpage": 60,
        "center": 6,
        "cpage": 300,
        "mode": 20,
        "reason": 12,
        "store_sales": max(1500, int(1_000_000 * scale)),
        "catalog_sales": max(900, int(500_000 * scale)),
        "web_sales": max(500, int(250_000 * scale)),
    }


def _fact(table: str, salt: int, lines: int, n: dict[str, int]) -> str:
    """Lines of sales: rows of one ticket share date, customer and place."""
    channel = {
        "store_sales": f"gaps(key(t, {salt} + 7, {n['store']}), t, {salt} + 7, 60) AS store_key, "
        f"gaps(key(i, {salt} + 8, {n['promo']}), i, {salt} + 8, 3) AS promo_key",
    }
    shipped = (
        f"gaps(skewed(t, {salt} + 9, {n['customer']}), t, {salt} + 9, 90) AS ship_customer_key, "
        f"gaps(key(t, {salt} + 10, {n['addr']}), t, {salt} + 10, 90) AS ship_addr_key, {{}}, {{}}, "
        f"key(i, {salt} + 13, {n['mode']}) AS mode_key, gaps(key(i, {salt} + 14, {n['warehouse']}), i, {salt} + 14, 80) "
        f"AS warehouse_key, gaps(key(i, {salt} + 8, {n['promo']}), i, {salt} + 8, 3) AS promo_key"
    )
    channel["catalog_sales"] = shipped.format(
        f"gaps(key(t, {salt} + 11, {n['center']}), t, {salt} + 11, 70) AS center_key",
        f"key(i, {salt} + 12, {n['cpage']}) AS page_key",
    )
    channel["web_sales"] = shipped.format(
        f"key(t, {salt} + 11, {n['site']}) AS site_key", f"key(i, {salt} + 12, {n['wpage']}) AS page_key"
    )
    ship = "" if table == "store_sales" else f"d + 1 + h(t, {salt} + 15) % 130 AS ship_date_key, "
    return f"""
        SELECT gaps(d, t, {salt} + 1, 50) AS date_key, key(t, {salt} + 2, 1440) AS time_key, {ship}item AS item_key,
          gaps(skewed(t, {salt} + 3, {n["customer"]}), t, {salt} + 3, 40) AS customer_key,
          gaps(key(t, {salt} + 4, {n["cdemo"]}), t, {salt} + 4, 45) AS cdemo_key,
          key(t, {salt} + 5, {n["hdemo"]}) AS hdemo_key, gaps(key(t, {salt} + 6, {n["addr"]}), t, {salt} + 6, 55) AS addr_key,
          {channel[table]}, t AS ticket, gaps(q, i, {salt} + 20, 100) AS quantity, cash(cost), cash(list_price),
          gaps(cash(price), i, {salt} + 21, 100), cash(q * (list_price - price)), cash(q * price) , cash(q * cost),
          cash(q * list_price), cash(q * price * (h(i, {salt} + 22) % 9) // 100), cash(coupon), cash(q * price - coupon),
          gaps(cash(q * price - coupon - q * cost), i, {salt} + 23, 80)
        FROM (SELECT i, t, item, cost, cost * (100 + h(i, {salt} + 24) % 120) // 100 AS list_price,
            cost * (100 + h(i, {salt} + 24) % 120) // 100 * (40 + h(i, {salt} + 25) % 61) // 100 AS price,
            1 + h(i, {salt} + 26) % 100 AS q, h(t, {salt} + 27) % 1500 * (h(t, {salt} + 28) % 1200) // 1100 + 1 AS d,
            CASE WHEN h(i, {salt} + 29) % 6 = 0 THEN h(i, {salt} + 30) % 9000 ELSE 0 END AS coupon
          FROM (SELECT i, i // 8 + 1 AS t,
              1 + ((skewed(i // 8, {salt} + 31, {n["item"]}) + (i % 8) * 7) % {n["item"]}) AS item,
              100 + h(i, {salt} + 32) % 9900 AS cost FROM range({lines}) r(i)))"""


def _returns(prefix: str, sales: str, place: str, salt: int) -> str:
    row = f"({prefix}_ticket * 100000 + {prefix}_item_key)"
    paid = f"(h({row}, {salt} + 4) % 100)"
    return f"""
        SELECT {prefix}_date_key + 1 + h({row}, {salt} + 1) % 90, key({row}, {salt} + 2, 1440), {prefix}_item_key,
          {prefix}_customer_key, {prefix}_addr_key, {prefix}_{place}, key({row}, {salt} + 3, 12), {prefix}_ticket,
          1 + h({row}, {salt} + 5) % coalesce({prefix}_quantity, 1), {prefix}_ext_sales,
          gaps(cash(h({row}, {salt} + 6) % 10000), {row}, {salt} + 6, 30),
          ({prefix}_ext_sales * {paid} * 0.01)::DECIMAL(15,2), (cash(h({row}, {salt} + 7) % 50000) + {prefix}_ext_tax)::DECIMAL(15,2)
        FROM {sales} WHERE h({row}, {salt}) % 10 = 0"""


def _statements(scale: float) -> dict[str, str]:
    n = _sizes(scale)
    return {
        "date_dim": f"SELECT i + 1, day, year(day), quarter(day), month(day), day(day), dayofweek(day), dayname(day), "
        f"(i + 1) // 7, (year(day) - 2019) * 12 + month(day), h(i, 3) % 30 = 0, dayofweek(day) IN (0, 6) "
        f"FROM (SELECT i, DATE '2019-01-01' + i::INTEGER AS day FROM range({_DAYS}) t(i))",
        "time_dim": "SELECT i + 1, i // 60, i % 60, CASE WHEN i < 480 THEN 'night' WHEN i < 960 THEN 'day' ELSE 'evening' END, "
        "CASE WHEN i BETWEEN 360 AND 540 THEN 'breakfast' WHEN i BETWEEN 690 AND 840 THEN 'lunch' "
        "WHEN i BETWEEN 1080 AND 1260 THEN 'dinner' END FROM range(1440) t(i)",
        "item": f"SELECT i, 'ITEM' || lpad(((i + 1) // 2)::VARCHAR, 8, '0'), pick('{_COLORS}', i, 1) || ' ' || pick('box lamp chair shirt ring "
        f"novel phone drill', i, 2) || ' of ' || pick('{_LASTS}', i, 3), 1 + h(i, 4) % 40, 'brand ' || (1 + h(i, 4) % 40), "
        f"'class ' || (1 + h(i, 5) % 16), gaps(pick('Books Children Electronics Home Jewelry Men Music Shoes Sports Women', i, 6), i, 6, 200), "
        f"1 + h(i, 7) % 100, 'maker ' || (1 + h(i, 7) % 100), pick('small medium large economy N/A', i, 8), pick('{_COLORS}', i, 9), "
        f"pick('Each Dozen Case Pallet Gram', i, 10), cash(99 + h(i, 11) % 9900), cash(50 + h(i, 12) % 6000), 1 + h(i, 13) % 40, "
        f"DATE '2017-01-01' + (h(i, 14) % 1000)::INTEGER FROM range(1, {n['item'] + 1}) t(i)",
        "customer": f"SELECT i, 'CUST' || lpad(i::VARCHAR, 8, '0'), gaps(key(i, 1, {n['cdemo']}), i, 1, 30), key(i, 2, {n['hdemo']}), "
        f"key(i, 3, {n['addr']}), gaps(pick('Mr. Mrs. Dr. Ms.', i, 4), i, 4, 30), gaps(pick('{_NAMES}', i, 5), i, 5, 40), "
        f"pick('{_LASTS}', i, 6), gaps(h(i, 7) % 2 = 0, i, 7, 25), gaps(1930 + h(i, 8) % 70, i, 8, 30), 1 + h(i, 9) % 12, "
        f"1 + h(i, 10) % 28, upper(pick('Germany France Japan Chile Kenya India Canada', i, 11)), "
        f"lower(pick('{_NAMES}', i, 5)) || '.' || i || '@' || pick('mail.example post.example', i, 12), "
        f"DATE '2015-01-01' + (h(i, 13) % 1500)::INTEGER FROM range(1, {n['customer'] + 1}) t(i)",
        "customer_address": f"SELECT i, (1 + h(i, 1) % 999) || ' ' || pick('Main Oak Park First Lake Hill', i, 2) || ' Street', "
        f"pick('{_CITIES}', i, 3), pick('{_COUNTIES}', i, 4) || ' County', gaps(pick('{_STATES}', i, 5), i, 5, 60), "
        f"lpad((h(i, 6) % 300 * 311)::VARCHAR, 5, '0'), 'United States', (-5 - h(i, 7) % 4)::DECIMAL(15,2), "
        f"pick('apartment condo house', i, 8) FROM range(1, {n['addr'] + 1}) t(i)",
        "customer_demographics": f"SELECT i, ['M', 'F'][1 + (i % 2)::INTEGER], ['S', 'M', 'D', 'W', 'U'][1 + (i % 5)::INTEGER], "
        f"['Primary', 'Secondary', 'College', '2 yr Degree', '4 yr Degree', 'Advanced', 'Unknown'][1 + (i % 7)::INTEGER], "
        f"500 * (1 + h(i, 1) % 20), ['Low Risk', 'High Risk', 'Good', 'Unknown'][1 + (h(i, 2) % 4)::INTEGER], h(i, 3) % 7 "
        f"FROM range(1, {n['cdemo'] + 1}) t(i)",
        "household_demographics": f"SELECT i, 1 + i % 20, ['0-500', '501-1000', '1001-5000', '>10000', 'Unknown'][1 + (i % 5)::INTEGER], "
        f"h(i, 1) % 10, h(i, 2) % 6 - 1 FROM range(1, {n['hdemo'] + 1}) t(i)",
        "income_band": "SELECT i, (i - 1) * 10000 + 1, i * 10000 FROM range(1, 21) t(i)",
        "promotion": f"SELECT i, 'PROMO' || lpad(i::VARCHAR, 6, '0'), pick('{_COLORS}', i, 1) || ' week', key(i, 2, {n['item']}), "
        f"DATE '2019-01-01' + (h(i, 3) % 1500)::INTEGER, DATE '2019-01-15' + (h(i, 3) % 1500 + h(i, 4) % 60)::INTEGER, cash(100000), "
        f"gaps(h(i, 5) % 2 = 0, i, 5, 12), h(i, 6) % 3 = 0, pick('season clearance loyalty', i, 7) FROM range(1, {n['promo'] + 1}) t(i)",
        "store": f"SELECT i, 'STORE' || lpad(i::VARCHAR, 4, '0'), pick('able bar ese ation eing ought', i, 1), 200 + h(i, 2) % 100, "
        f"5000000 + h(i, 3) % 4000000, pick('8AM-8PM 8AM-4PM 8AM-12AM', i, 4), pick('{_NAMES}', i, 5) || ' ' || pick('{_LASTS}', i, 6), "
        f"1 + h(i, 7) % 5, pick('{_CITIES}', i, 8), pick('{_COUNTIES}', i, 9) || ' County', pick('{_STATES}', i % 4, 10), "
        f"cash(h(i, 11) % 12), DATE '2010-01-01' + (h(i, 12) % 3000)::INTEGER, CASE WHEN i % 4 = 0 THEN DATE '2022-06-30' END "
        f"FROM range(1, {n['store'] + 1}) t(i)",
        "warehouse": f"SELECT i, gaps('Depot ' || pick('{_CITIES}', i, 1), i, 1, 5), 50000 + h(i, 2) % 900000, pick('{_CITIES}', i, 3), "
        f"pick('{_STATES}', i, 4) FROM range(1, {n['warehouse'] + 1}) t(i)",
        "web_site": f"SELECT i, 'site_' || ((i - 1) // 2), 'Unknown', pick('{_NAMES}', i, 1), pick('pri able ought', i, 2) "
        f"FROM range(1, {n['site'] + 1}) t(i)",
        "web_page": f"SELECT i, 'https://shop.example/p/' || i, pick('order general welcome protected feedback dynamic', i, 1), "
        f"100 + h(i, 2) % 8000, 2 + h(i, 3) % 20 FROM range(1, {n['wpage'] + 1}) t(i)",
        "call_center": f"SELECT i, pick('North South East West', i, 1) || ' center', pick('small medium large', i, 2), 10 + h(i, 3) % 600, "
        f"pick('{_NAMES}', i, 4), pick('{_COUNTIES}', i, 5) || ' County' FROM range(1, {n['center'] + 1}) t(i)",
        "catalog_page": f"SELECT i, 'PAGE' || lpad(i::VARCHAR, 6, '0'), 'DEPARTMENT', 1 + i // 60, 1 + i % 60, "
        f"pick('monthly quarterly yearly', i, 1) FROM range(1, {n['cpage'] + 1}) t(i)",
        "ship_mode": f"SELECT i, ['EXPRESS', 'NEXT DAY', 'OVERNIGHT', 'REGULAR', 'TWO DAY'][1 + (i % 5)::INTEGER], pick('AIR SURFACE SEA', i, 1), "
        f"pick('Alpha Bravo Cargo Dart', i, 2) FROM range(1, {n['mode'] + 1}) t(i)",
        "reason": f"SELECT i, 'reason ' || i FROM range(1, {n['reason'] + 1}) t(i)",
        "store_sales": _fact("store_sales", 1000, n["store_sales"], n),
        "catalog_sales": _fact("catalog_sales", 2000, n["catalog_sales"], n),
        "web_sales": _fact("web_sales", 3000, n["web_sales"], n),
        "store_returns": _returns("ss", "store_sales", "store_key", 4000),
        "catalog_returns": _returns("cs", "catalog_sales", "center_key", 4100),
        "web_returns": _returns("ws", "web_sales", "page_key", 4200),
        "inventory": f"SELECT 1 + w * 7, i, k, gaps(h((w * 100000 + i) * 10 + k, 1) % 1000, (w * 100000 + i) * 10 + k, 1, 40) "
        f"FROM range({_DAYS // 7}) a(w), range(1, {n['item'] + 1}, 12) b(i), range(1, {n['warehouse'] + 1}) c(k)",
    }  # fmt: skip


def _physical(table: str, numeric: str) -> str:
    """The engine's columns of a GoogleSQL schema."""
    kinds = {"INT64": "BIGINT", "STRING": "VARCHAR", "NUMERIC": numeric, "DATE": "DATE", "BOOL": "BOOLEAN"}
    columns = (column.split() for column in DDL[table].split(", "))
    return ", ".join(f"{name} {kinds[kind]}" for name, kind in columns)


def raw_database(scale: float, numeric: str = "DECIMAL(38,9)") -> duckdb.DuckDBPyConnection:
    """A plain DuckDB with all tables, NUMERIC as ``numeric``."""
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
