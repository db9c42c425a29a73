"""Questions 34 to 66: the three channels together, grouping sets, joins of years, set operations."""

from __future__ import annotations

_CHANNELS = """
  SELECT 'store' AS channel, ss_item_key AS article, ss_customer_key AS buyer, ss_date_key AS day, ss_quantity AS quantity,
    ss_list_price AS list_price, ss_ext_sales AS sales, ss_net_profit AS profit FROM store_sales
  UNION ALL
  SELECT 'catalog', cs_item_key, cs_customer_key, cs_date_key, cs_quantity, cs_list_price, cs_ext_sales, cs_net_profit FROM catalog_sales
  UNION ALL
  SELECT 'web', ws_item_key, ws_customer_key, ws_date_key, ws_quantity, ws_list_price, ws_ext_sales, ws_net_profit FROM web_sales"""

QUERIES: dict[int, str] = {
    34: """
WITH weekly AS (
  SELECT d_week, SUM(IF(d_day_name = 'Sunday', sales, NULL)) AS sunday, SUM(IF(d_day_name = 'Wednesday', sales, NULL)) AS wednesday,
    SUM(IF(d_day_name = 'Saturday', sales, NULL)) AS saturday
  FROM (SELECT ws_date_key AS day, ws_ext_sales AS sales FROM web_sales UNION ALL
    SELECT cs_date_key, cs_ext_sales FROM catalog_sales) JOIN date_dim ON d_key = day
  GROUP BY d_week)
SELECT a.d_week, a.sunday / NULLIF(b.sunday, 0) AS sunday, a.wednesday / NULLIF(b.wednesday, 0) AS wednesday,
  a.saturday / NULLIF(b.saturday, 0) AS saturday
FROM weekly AS a JOIN weekly AS b ON a.d_week = b.d_week - 52
ORDER BY a.d_week""",
    35: """
WITH totals AS (
  SELECT c_id, d_year, 's' AS kind, SUM(ss_ext_list - ss_ext_discount) AS total
  FROM customer, store_sales, date_dim WHERE c_key = ss_customer_key AND ss_date_key = d_key GROUP BY c_id, d_year
  UNION ALL
  SELECT c_id, d_year, 'w', SUM(ws_ext_list - ws_ext_discount)
  FROM customer, web_sales, date_dim WHERE c_key = ws_customer_key AND ws_date_key = d_key GROUP BY c_id, d_year)
SELECT s2.c_id
FROM totals AS s1, totals AS s2, totals AS w1, totals AS w2
WHERE s1.c_id = s2.c_id AND w1.c_id = s1.c_id AND w2.c_id = s1.c_id AND s1.kind = 's' AND s2.kind = 's' AND w1.kind = 'w' AND w2.kind = 'w'
  AND s1.d_year = 2019 AND s2.d_year = 2020 AND w1.d_year = 2019 AND w2.d_year = 2020 AND s1.total > 0 AND w1.total > 0
  AND CASE WHEN w1.total > 0 THEN w2.total / w1.total ELSE 0.0 END > CASE WHEN s1.total > 0 THEN s2.total / s1.total ELSE 0.0 END
ORDER BY s2.c_id
LIMIT 100""",
    36: """
SELECT channel, id, SUM(sales) AS sales, SUM(returned) AS returned, SUM(profit - loss) AS profit
FROM (
  SELECT 'store' AS channel, ss_store_key AS id, ss_ext_sales AS sales, ss_net_profit AS profit, 0 AS returned, 0 AS loss FROM store_sales
  UNION ALL SELECT 'store', sr_store_key, 0, 0, sr_amount, sr_loss FROM store_returns
  UNION ALL SELECT 'catalog', cs_center_key, cs_ext_sales, cs_net_profit, 0, 0 FROM catalog_sales
  UNION ALL SELECT 'catalog', cr_center_key, 0, 0, cr_amount, cr_loss FROM catalog_returns
  UNION ALL SELECT 'web', ws_page_key, ws_ext_sales, ws_net_profit, 0, 0 FROM web_sales
  UNION ALL SELECT 'web', wr_page_key, 0, 0, wr_amount, wr_loss FROM web_returns)
GROUP BY ROLLUP (channel, id)
ORDER BY channel, id, sales""",
    37: """
SELECT i_id, ca_country, ca_state, ca_county, AVG(cs_quantity) AS q, AVG(cs_list_price) AS list_price, AVG(cs_coupon) AS coupon,
  AVG(c_birth_year) AS born
FROM catalog_sales, customer_demographics, customer, customer_address, date_dim, item
WHERE cs_date_key = d_key AND cs_item_key = i_key AND cs_cdemo_key = cd_key AND cs_customer_key = c_key AND c_addr_key = ca_key
  AND cd_gender = 'F' AND d_year = 2019 AND c_birth_month IN (1, 6, 8) AND i_class IN ('class 1', 'class 2')
GROUP BY ROLLUP (i_id, ca_country, ca_state, ca_county)
ORDER BY ca_country, ca_state, ca_county, i_id
LIMIT 100""",
    38: """
SELECT i_category, i_brand, d_month, GROUPING(i_category) AS g1, GROUPING(i_brand) AS g2, GROUPING(d_month) AS g3,
  AVG(inv_quantity) AS stock
FROM inventory, date_dim, item
WHERE inv_date_key = d_key AND inv_item_key = i_key AND d_year = 2020
GROUP BY ROLLUP (i_category, i_brand, d_month)
ORDER BY stock, g1, g2, g3, i_category, i_brand, d_month
LIMIT 100""",
    39: """
SELECT i_id, s_state, GROUPING(s_state) AS whole, AVG(ss_quantity) AS q, SUM(ss_sales_price) AS price
FROM store_sales, customer_demographics, date_dim, store, item
WHERE ss_date_key = d_key AND ss_item_key = i_key AND ss_store_key = s_key AND ss_cdemo_key = cd_key AND cd_gender = 'F'
  AND cd_marital = 'W' AND d_year = 2019
GROUP BY ROLLUP (i_id, s_state)
ORDER BY i_id, whole, s_state
LIMIT 200""",
    40: """
SELECT i_category, i_size, COUNT(*) AS n, SUM(ws_net_profit) AS profit, GROUPING(i_category) + GROUPING(i_size) AS level
FROM web_sales JOIN item ON ws_item_key = i_key
GROUP BY CUBE (i_category, i_size)
ORDER BY level, i_category, i_size, n""",
    41: """
SELECT s_state, d_quarter, hd_potential, COUNT(*) AS n, SUM(ss_net_paid) AS paid
FROM store_sales JOIN store ON ss_store_key = s_key JOIN date_dim ON ss_date_key = d_key JOIN household_demographics ON ss_hdemo_key = hd_key
WHERE d_year = 2019
GROUP BY GROUPING SETS ((s_state, d_quarter), (hd_potential), (s_state), ())
ORDER BY s_state, d_quarter, hd_potential, n""",
    42: """
SELECT COUNT(*) AS n
FROM (
  SELECT DISTINCT c_last_name, c_first_name, d_date FROM store_sales, date_dim, customer
  WHERE ss_date_key = d_key AND ss_customer_key = c_key AND d_year = 2019
  INTERSECT DISTINCT
  SELECT DISTINCT c_last_name, c_first_name, d_date FROM catalog_sales, date_dim, customer
  WHERE cs_date_key = d_key AND cs_customer_key = c_key AND d_year = 2019
  INTERSECT DISTINCT
  SELECT DISTINCT c_last_name, c_first_name, d_date FROM web_sales, date_dim, customer
  WHERE ws_date_key = d_key AND ws_customer_key = c_key AND d_year = 2019)""",
    43: """
SELECT COUNT(*) AS n
FROM (
  (SELECT DISTINCT ss_customer_key FROM store_sales EXCEPT DISTINCT SELECT cs_customer_key FROM catalog_sales)
  EXCEPT DISTINCT SELECT ws_customer_key FROM web_sales)""",
    44: """
WITH shared AS (
  SELECT i_brand_id, i_class, i_category FROM store_sales JOIN item ON ss_item_key = i_key JOIN date_dim ON ss_date_key = d_key WHERE d_year = 2020
  INTERSECT DISTINCT
  SELECT i_brand_id, i_class, i_category FROM catalog_sales JOIN item ON cs_item_key = i_key JOIN date_dim ON cs_date_key = d_key WHERE d_year = 2020
  INTERSECT DISTINCT
  SELECT i_brand_id, i_class, i_category FROM web_sales JOIN item ON ws_item_key = i_key JOIN date_dim ON ws_date_key = d_key WHERE d_year = 2020),
sold AS ("""
    + _CHANNELS
    + """),
mean AS (SELECT AVG(quantity * list_price) AS value FROM sold)
SELECT channel, i_brand_id, i_category, SUM(quantity * list_price) AS sales, COUNT(*) AS n
FROM sold JOIN item ON article = i_key JOIN shared USING (i_brand_id, i_class, i_category)
GROUP BY ROLLUP (channel, i_brand_id, i_category)
HAVING SUM(quantity * list_price) > (SELECT value FROM mean)
ORDER BY channel, i_brand_id, i_category, n
LIMIT 200""",
    45: """
WITH s AS (
    SELECT i_maker_id, SUM(ss_ext_sales) AS total FROM store_sales, date_dim, customer_address, item
    WHERE ss_item_key = i_key AND ss_date_key = d_key AND d_year = 2019 AND d_month = 2 AND ss_addr_key = ca_key AND ca_offset = -5
      AND i_maker_id IN (SELECT i_maker_id FROM item WHERE i_category = 'Books') GROUP BY i_maker_id),
  c AS (
    SELECT i_maker_id, SUM(cs_ext_sales) AS total FROM catalog_sales, date_dim, customer_address, item
    WHERE cs_item_key = i_key AND cs_date_key = d_key AND d_year = 2019 AND d_month = 2 AND cs_addr_key = ca_key AND ca_offset = -5
      AND i_maker_id IN (SELECT i_maker_id FROM item WHERE i_category = 'Books') GROUP BY i_maker_id),
  w AS (
    SELECT i_maker_id, SUM(ws_ext_sales) AS total FROM web_sales, date_dim, customer_address, item
    WHERE ws_item_key = i_key AND ws_date_key = d_key AND d_year = 2019 AND d_month = 2 AND ws_addr_key = ca_key AND ca_offset = -5
      AND i_maker_id IN (SELECT i_maker_id FROM item WHERE i_category = 'Books') GROUP BY i_maker_id)
SELECT i_maker_id, SUM(total) AS total
FROM (SELECT * FROM s UNION ALL SELECT * FROM c UNION ALL SELECT * FROM w)
GROUP BY i_maker_id
ORDER BY total, i_maker_id
LIMIT 100""",
    46: """
WITH returned AS (
  SELECT i_id, 's' AS kind, SUM(sr_quantity) AS q FROM store_returns, item, date_dim
  WHERE sr_item_key = i_key AND sr_date_key = d_key AND d_date IN (SELECT d_date FROM date_dim WHERE d_week IN (20, 30, 40, 45, 50, 55))
  GROUP BY i_id
  UNION ALL
  SELECT i_id, 'c', SUM(cr_quantity) FROM catalog_returns, item, date_dim
  WHERE cr_item_key = i_key AND cr_date_key = d_key AND d_date IN (SELECT d_date FROM date_dim WHERE d_week IN (20, 30, 40, 45, 50, 55))
  GROUP BY i_id)
SELECT s.i_id, s.q AS store, s.q / (s.q + c.q) / 2.0 * 100 AS store_share, c.q AS catalog, c.q / (s.q + c.q) / 2.0 * 100 AS catalog_share
FROM returned AS s JOIN returned AS c ON s.i_id = c.i_id AND s.kind = 's' AND c.kind = 'c'
ORDER BY s.i_id
LIMIT 100""",
    47: """
WITH sales AS (
  SELECT d_year, i_brand_id, i_class, i_category, SUM(n) AS n, SUM(amount) AS amount
  FROM (
    SELECT d_year, i_brand_id, i_class, i_category, cs_quantity - COALESCE(cr_quantity, 0) AS n, cs_ext_sales - COALESCE(cr_amount, 0.0) AS amount
    FROM catalog_sales JOIN item ON i_key = cs_item_key JOIN date_dim ON d_key = cs_date_key
      LEFT JOIN catalog_returns ON cs_ticket = cr_ticket AND cs_item_key = cr_item_key
    WHERE i_category = 'Home'
    UNION DISTINCT
    SELECT d_year, i_brand_id, i_class, i_category, ss_quantity - COALESCE(sr_quantity, 0), ss_ext_sales - COALESCE(sr_amount, 0.0)
    FROM store_sales JOIN item ON i_key = ss_item_key JOIN date_dim ON d_key = ss_date_key
      LEFT JOIN store_returns ON ss_ticket = sr_ticket AND ss_item_key = sr_item_key
    WHERE i_category = 'Home')
  GROUP BY d_year, i_brand_id, i_class, i_category)
SELECT a.i_brand_id, a.i_class, b.n AS before, a.n AS now, a.n - b.n AS difference, a.amount - b.amount AS amount_difference
FROM sales AS a, sales AS b
WHERE a.i_brand_id = b.i_brand_id AND a.i_class = b.i_class AND a.d_year = 2020 AND b.d_year = 2019 AND a.n / NULLIF(b.n, 0) < 0.9
ORDER BY difference, amount_difference, a.i_brand_id, a.i_class
LIMIT 100""",
    48: """
SELECT channel, missing, d_year, d_quarter, i_category, COUNT(*) AS n, SUM(amount) AS amount
FROM (
  SELECT 'store' AS channel, 'store' AS missing, d_year, d_quarter, i_category, ss_ext_sales AS amount
  FROM store_sales, item, date_dim WHERE ss_store_key IS NULL AND ss_date_key = d_key AND ss_item_key = i_key
  UNION ALL
  SELECT 'web', 'customer', d_year, d_quarter, i_category, ws_ext_sales
  FROM web_sales, item, date_dim WHERE ws_ship_customer_key IS NULL AND ws_date_key = d_key AND ws_item_key = i_key
  UNION ALL
  SELECT 'catalog', 'address', d_year, d_quarter, i_category, cs_ext_sales
  FROM catalog_sales, item, date_dim WHERE cs_ship_addr_key IS NULL AND cs_date_key = d_key AND cs_item_key = i_key)
GROUP BY channel, missing, d_year, d_quarter, i_category
ORDER BY channel, missing, d_year, d_quarter, i_category
LIMIT 100""",
    49: """
WITH ss AS (SELECT s_key, SUM(ss_ext_sales) AS sales, SUM(ss_net_profit) AS profit FROM store_sales, date_dim, store
    WHERE ss_date_key = d_key AND d_date BETWEEN '2019-08-03' AND '2019-09-02' AND ss_store_key = s_key GROUP BY s_key),
  sr AS (SELECT s_key, SUM(sr_amount) AS returned, SUM(sr_loss) AS loss FROM store_returns, date_dim, store
    WHERE sr_date_key = d_key AND d_date BETWEEN '2019-08-03' AND '2019-09-02' AND sr_store_key = s_key GROUP BY s_key)
SELECT s_key, sales, COALESCE(returned, 0) AS returned, profit - COALESCE(loss, 0) AS profit
FROM ss LEFT JOIN sr USING (s_key)
ORDER BY s_key""",
    50: """
WITH ws AS (SELECT d_year, ws_item_key AS article, ws_customer_key AS buyer, SUM(ws_quantity) AS q, SUM(ws_sales_price) AS sp
    FROM web_sales LEFT JOIN web_returns ON wr_ticket = ws_ticket AND ws_item_key = wr_item_key JOIN date_dim ON ws_date_key = d_key
    WHERE wr_ticket IS NULL GROUP BY d_year, article, buyer),
  ss AS (SELECT d_year, ss_item_key AS article, ss_customer_key AS buyer, SUM(ss_quantity) AS q, SUM(ss_sales_price) AS sp
    FROM store_sales LEFT JOIN store_returns ON sr_ticket = ss_ticket AND ss_item_key = sr_item_key JOIN date_dim ON ss_date_key = d_key
    WHERE sr_ticket IS NULL GROUP BY d_year, article, buyer)
SELECT ss.article, ss.buyer, ss.q / COALESCE(ws.q, 1) AS ratio, ss.sp AS store_price, COALESCE(ws.sp, 0) AS web_price
FROM ss LEFT JOIN ws ON ws.d_year = ss.d_year AND ws.article = ss.article AND ws.buyer = ss.buyer
WHERE COALESCE(ws.q, 0) > 0 AND ss.d_year = 2019
ORDER BY ss.article, ss.buyer, ratio
LIMIT 100""",
    51: """
SELECT c_last_name, c_first_name, SUBSTR(s_city, 1, 30) AS city, ticket, coupon, profit
FROM (
  SELECT ss_ticket AS ticket, ss_customer_key AS buyer, s_city, SUM(ss_coupon) AS coupon, SUM(ss_net_profit) AS profit
  FROM store_sales, date_dim, store, household_demographics
  WHERE ss_date_key = d_key AND ss_store_key = s_key AND ss_hdemo_key = hd_key AND (hd_dependents = 6 OR hd_vehicles > 2)
    AND d_dow = 1 AND d_year BETWEEN 2019 AND 2021 AND s_employees BETWEEN 200 AND 295
  GROUP BY ticket, buyer, ss_addr_key, s_city) JOIN customer ON buyer = c_key
ORDER BY c_last_name, c_first_name, city, profit, ticket
LIMIT 100""",
    52: """
WITH sales AS ("""
    + _CHANNELS
    + """)
SELECT channel, d_year, COUNT(DISTINCT buyer) AS customers, COUNT(DISTINCT article) AS items, SUM(profit) AS profit
FROM sales JOIN date_dim ON day = d_key
GROUP BY channel, d_year
ORDER BY channel, d_year""",
    53: """
SELECT a.buyer, a.n AS store_lines, b.n AS web_lines
FROM (SELECT ss_customer_key AS buyer, COUNT(*) AS n FROM store_sales GROUP BY buyer) AS a
FULL JOIN (SELECT ws_customer_key AS buyer, COUNT(*) AS n FROM web_sales GROUP BY buyer) AS b ON a.buyer = b.buyer
WHERE a.n IS NULL OR b.n IS NULL OR a.n < b.n
ORDER BY a.buyer, b.n, a.n
LIMIT 200""",
    54: """
WITH s AS (SELECT DISTINCT ss_customer_key AS buyer, ss_item_key AS article FROM store_sales JOIN date_dim ON ss_date_key = d_key WHERE d_year = 2019),
  c AS (SELECT DISTINCT cs_customer_key AS buyer, cs_item_key AS article FROM catalog_sales JOIN date_dim ON cs_date_key = d_key WHERE d_year = 2019)
SELECT SUM(CASE WHEN s.buyer IS NOT NULL AND c.buyer IS NULL THEN 1 ELSE 0 END) AS store_only,
  SUM(CASE WHEN s.buyer IS NULL AND c.buyer IS NOT NULL THEN 1 ELSE 0 END) AS catalog_only,
  SUM(CASE WHEN s.buyer IS NOT NULL AND c.buyer IS NOT NULL THEN 1 ELSE 0 END) AS both
FROM s FULL JOIN c ON s.buyer = c.buyer AND s.article = c.article""",
    55: """
SELECT w_name, sm_type, web_name, COUNTIF(ws_ship_date_key - ws_date_key <= 30) AS d30,
  COUNTIF(ws_ship_date_key - ws_date_key BETWEEN 31 AND 60) AS d60, COUNTIF(ws_ship_date_key - ws_date_key > 60) AS more
FROM web_sales, warehouse, ship_mode, web_site, date_dim
WHERE d_year = 2019 AND ws_date_key IS NOT NULL AND ws_ship_date_key = d_key AND ws_warehouse_key = w_key AND ws_mode_key = sm_key AND ws_site_key = web_key
GROUP BY w_name, sm_type, web_name
ORDER BY w_name, sm_type, web_name""",
    56: """
SELECT w_name, w_feet, w_city, d_year, """
    + ", ".join(f"SUM(IF(d_month = {m}, sales, 0)) AS m{m}" for m in range(1, 13))
    + """,
  SUM(IF(d_month = 1, sales, 0) / w_feet) AS january_per_foot
FROM (
  SELECT ws_warehouse_key AS house, ws_date_key AS day, ws_mode_key AS mode, ws_ext_sales * ws_quantity AS sales FROM web_sales
  UNION ALL SELECT cs_warehouse_key, cs_date_key, cs_mode_key, cs_ext_sales * cs_quantity FROM catalog_sales), warehouse, date_dim, ship_mode
WHERE house = w_key AND day = d_key AND mode = sm_key AND sm_carrier IN ('Alpha', 'Dart') AND d_year = 2019
GROUP BY w_name, w_feet, w_city, d_year
ORDER BY w_name, w_feet, w_city""",
    57: """
SELECT promotions, total, promotions * 100 / total AS share
FROM (
  SELECT SUM(ss_ext_sales) AS promotions FROM store_sales, store, promotion, date_dim, item
  WHERE ss_date_key = d_key AND ss_store_key = s_key AND ss_promo_key = p_key AND ss_item_key = i_key AND i_category = 'Jewelry'
    AND (p_email OR p_tv) AND d_year = 2019 AND d_month = 4),
  (SELECT SUM(ss_ext_sales) AS total FROM store_sales, store, date_dim, item
  WHERE ss_date_key = d_key AND ss_store_key = s_key AND ss_item_key = i_key AND i_category = 'Jewelry' AND d_year = 2019 AND d_month = 4)""",
    58: """
SELECT COUNT(DISTINCT ws_ticket) AS orders, SUM(ws_ext_tax) AS tax, SUM(ws_net_profit) AS profit
FROM web_sales AS a, date_dim, customer_address, web_site
WHERE d_date BETWEEN DATE '2019-02-01' AND DATE '2019-08-02' AND a.ws_ship_date_key = d_key AND a.ws_ship_addr_key = ca_key
  AND ca_state IN ('IL', 'NY', 'TN', 'OH') AND a.ws_site_key = web_key AND web_company = 'pri'
  AND a.ws_ticket IN (SELECT b.ws_ticket FROM web_sales AS b, web_sales AS c
    WHERE b.ws_ticket = c.ws_ticket AND b.ws_warehouse_key <> c.ws_warehouse_key)
  AND a.ws_ticket IN (SELECT wr_ticket FROM web_returns)""",
    59: """
SELECT channel, i_category, sales, share
FROM (
  SELECT channel, i_category, SUM(sales) AS sales, SUM(sales) / SUM(SUM(sales)) OVER (PARTITION BY channel) AS share
  FROM ("""
    + _CHANNELS
    + """) JOIN item ON article = i_key
  GROUP BY channel, i_category)
ORDER BY channel, i_category""",
    60: """
SELECT a.i_category, a.d_month, a.sales AS sales_2019, b.sales AS sales_2020, (b.sales - a.sales) / NULLIF(a.sales, 0) AS growth
FROM (SELECT i_category, d_month, SUM(ss_ext_sales) AS sales FROM store_sales JOIN item ON ss_item_key = i_key JOIN date_dim ON ss_date_key = d_key
    WHERE d_year = 2019 GROUP BY i_category, d_month) AS a
JOIN (SELECT i_category, d_month, SUM(ss_ext_sales) AS sales FROM store_sales JOIN item ON ss_item_key = i_key JOIN date_dim ON ss_date_key = d_key
    WHERE d_year = 2020 GROUP BY i_category, d_month) AS b ON a.i_category = b.i_category AND a.d_month = b.d_month
ORDER BY a.i_category, a.d_month""",
    61: """
SELECT ca_county, d_quarter, SUM(IF(channel = 's', sales, 0)) AS store, SUM(IF(channel = 'w', sales, 0)) AS web
FROM (
  SELECT 's' AS channel, ss_addr_key AS address, ss_date_key AS day, ss_ext_sales AS sales FROM store_sales
  UNION ALL SELECT 'w', ws_addr_key, ws_date_key, ws_ext_sales FROM web_sales) JOIN customer_address ON address = ca_key JOIN date_dim ON day = d_key
WHERE d_year = 2020
GROUP BY ca_county, d_quarter
HAVING SUM(IF(channel = 'w', sales, 0)) / NULLIF(SUM(IF(channel = 's', sales, 0)), 0) > 0.2
ORDER BY ca_county, d_quarter""",
    62: """
SELECT r_text, AVG(ws_quantity) AS q, AVG(wr_cash) AS cash, AVG(wr_fee) AS fee
FROM web_sales, web_returns, web_page, customer_demographics, date_dim, reason
WHERE ws_page_key = wp_key AND ws_item_key = wr_item_key AND ws_ticket = wr_ticket AND ws_date_key = d_key AND d_year = 2019
  AND cd_key = ws_cdemo_key AND r_key = wr_reason_key AND cd_education NOT LIKE '%Degree' AND ws_net_profit BETWEEN -5000 AND 5000
GROUP BY r_text
ORDER BY r_text""",
    63: """
SELECT SUM(ws_net_paid) AS paid, i_category, i_class, GROUPING(i_category) + GROUPING(i_class) AS level,
  RANK() OVER (PARTITION BY GROUPING(i_category) + GROUPING(i_class), IF(GROUPING(i_class) = 0, i_category, NULL) ORDER BY SUM(ws_net_paid) DESC) AS place
FROM web_sales, date_dim, item
WHERE d_year = 2019 AND d_key = ws_date_key AND i_key = ws_item_key
GROUP BY ROLLUP (i_category, i_class)
ORDER BY level DESC, i_category, place, i_class
LIMIT 100""",
    64: """
SELECT buyer, SUM(paid) AS paid
FROM (
  SELECT ss_customer_key AS buyer, CASE WHEN sr_quantity IS NOT NULL THEN (ss_quantity - sr_quantity) * ss_sales_price
    ELSE ss_quantity * ss_sales_price END AS paid
  FROM store_sales LEFT JOIN store_returns ON sr_item_key = ss_item_key AND sr_ticket = ss_ticket LEFT JOIN reason ON sr_reason_key = r_key
  WHERE COALESCE(r_text, '') <> 'reason 7')
GROUP BY buyer
ORDER BY paid DESC, buyer
LIMIT 100""",
    65: """
SELECT i_brand, COUNT(DISTINCT c) AS customers, COUNT(DISTINCT k) AS channels
FROM (
  SELECT ss_item_key AS article, ss_customer_key AS c, 1 AS k FROM store_sales
  UNION DISTINCT SELECT cs_item_key, cs_customer_key, 2 FROM catalog_sales
  UNION DISTINCT SELECT ws_item_key, ws_customer_key, 3 FROM web_sales) JOIN item ON i_key = article
GROUP BY i_brand
HAVING COUNT(DISTINCT c) > 20
ORDER BY customers DESC, i_brand""",
    66: """
SELECT d_year, d_month, (SELECT COUNT(*) FROM store_sales WHERE ss_date_key = d_key) AS lines,
  EXISTS (SELECT 1 FROM web_returns WHERE wr_date_key = d_key AND wr_amount > 2000) AS large_return
FROM date_dim
WHERE d_day = 1 AND d_year < 2022
ORDER BY d_year, d_month""",
}
