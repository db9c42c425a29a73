"""Questions 67 to 99: windows, QUALIFY, PIVOT, pipes, arrays and STRUCTs, dates and texts."""

from __future__ import annotations

QUERIES: dict[int, str] = {
    67: """
SELECT *
FROM (
  SELECT i_category, i_class, i_brand, d_year, d_month, s_id, total,
    RANK() OVER (PARTITION BY i_category ORDER BY total DESC) AS place
  FROM (
    SELECT i_category, i_class, i_brand, d_year, d_month, s_id, SUM(COALESCE(ss_sales_price * ss_quantity, 0)) AS total
    FROM store_sales, date_dim, store, item
    WHERE ss_date_key = d_key AND ss_item_key = i_key AND ss_store_key = s_key AND d_year = 2019
    GROUP BY ROLLUP (i_category, i_class, i_brand, d_year, d_month, s_id)))
WHERE place <= 10
ORDER BY i_category, place, i_class, i_brand, d_year, d_month, s_id, total""",
    68: """
SELECT i_id, i_description, i_category, i_class, revenue, revenue * 100 / SUM(revenue) OVER (PARTITION BY i_class) AS share
FROM (
  SELECT i_id, i_description, i_category, i_class, i_key, SUM(cs_ext_sales) AS revenue
  FROM catalog_sales, item, date_dim
  WHERE cs_item_key = i_key AND i_category IN ('Sports', 'Books', 'Home') AND cs_date_key = d_key
    AND d_date BETWEEN DATE '2019-02-22' AND DATE_ADD(DATE '2019-02-22', INTERVAL 90 DAY)
  GROUP BY i_id, i_description, i_category, i_class, i_key)
ORDER BY i_category, i_class, i_id, i_description, share
LIMIT 100""",
    69: """
WITH web AS (
  SELECT ws_item_key AS article, d_date, SUM(SUM(ws_sales_price)) OVER (PARTITION BY ws_item_key ORDER BY d_date ROWS UNBOUNDED PRECEDING) AS total
  FROM web_sales JOIN date_dim ON ws_date_key = d_key WHERE d_month_seq BETWEEN 1 AND 12 GROUP BY ws_item_key, d_date),
shop AS (
  SELECT ss_item_key AS article, d_date, SUM(SUM(ss_sales_price)) OVER (PARTITION BY ss_item_key ORDER BY d_date ROWS UNBOUNDED PRECEDING) AS total
  FROM store_sales JOIN date_dim ON ss_date_key = d_key WHERE d_month_seq BETWEEN 1 AND 12 GROUP BY ss_item_key, d_date)
SELECT *
FROM (
  SELECT article, d_date, web_total, shop_total,
    MAX(web_total) OVER (PARTITION BY article ORDER BY d_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS web_so_far,
    MAX(shop_total) OVER (PARTITION BY article ORDER BY d_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS shop_so_far
  FROM (
    SELECT COALESCE(web.article, shop.article) AS article, COALESCE(web.d_date, shop.d_date) AS d_date, web.total AS web_total, shop.total AS shop_total
    FROM web FULL OUTER JOIN shop ON web.article = shop.article AND web.d_date = shop.d_date))
WHERE web_so_far > shop_so_far
ORDER BY article, d_date
LIMIT 100""",
    70: """
WITH monthly AS (
  SELECT i_category, i_brand, s_name, s_market, d_year, d_month, SUM(ss_sales_price) AS total,
    AVG(SUM(ss_sales_price)) OVER (PARTITION BY i_category, i_brand, s_name, s_market, d_year) AS mean,
    RANK() OVER (PARTITION BY i_category, i_brand, s_name, s_market ORDER BY d_year, d_month) AS place
  FROM item, store_sales, date_dim, store
  WHERE ss_item_key = i_key AND ss_date_key = d_key AND ss_store_key = s_key AND d_year IN (2019, 2020)
  GROUP BY i_category, i_brand, s_name, s_market, d_year, d_month)
SELECT a.i_category, a.i_brand, a.s_name, a.s_market, a.d_year, a.d_month, a.mean, a.total, b.total AS previous, c.total AS next_total
FROM monthly AS a JOIN monthly AS b ON a.i_category = b.i_category AND a.i_brand = b.i_brand AND a.s_name = b.s_name AND a.s_market = b.s_market AND a.place = b.place + 1
  JOIN monthly AS c ON a.i_category = c.i_category AND a.i_brand = c.i_brand AND a.s_name = c.s_name AND a.s_market = c.s_market AND a.place = c.place - 1
WHERE a.d_year = 2019 AND a.mean > 0 AND ABS(a.total - a.mean) / a.mean > 0.1
ORDER BY a.total - a.mean, a.i_category, a.i_brand, a.s_name, a.s_market, a.d_month
LIMIT 100""",
    71: """
SELECT d_year, d_month, total, LAG(total) OVER (ORDER BY d_year, d_month) AS previous,
  LEAD(total, 2) OVER (ORDER BY d_year, d_month) AS in_two, total - LAG(total, 1, NUMERIC '0') OVER (ORDER BY d_year, d_month) AS change,
  SUM(total) OVER (PARTITION BY d_year ORDER BY d_month ROWS UNBOUNDED PRECEDING) AS year_to_date,
  AVG(total) OVER (ORDER BY d_year, d_month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS quarter_mean
FROM (SELECT d_year, d_month, SUM(ws_net_paid) AS total FROM web_sales JOIN date_dim ON ws_date_key = d_key GROUP BY d_year, d_month)
ORDER BY d_year, d_month""",
    72: """
SELECT best.place, i1.i_description AS least, i2.i_description AS most
FROM (
  SELECT article, place FROM (SELECT article, ROW_NUMBER() OVER (ORDER BY mean, article) AS place FROM (
    SELECT ss_item_key AS article, AVG(ss_net_profit) AS mean FROM store_sales WHERE ss_store_key = 4 GROUP BY article
    HAVING AVG(ss_net_profit) > 0.1 * (SELECT AVG(ss_net_profit) FROM store_sales WHERE ss_store_key = 4 AND ss_addr_key IS NULL)))
  WHERE place < 11) AS best,
  (SELECT article, place FROM (SELECT article, ROW_NUMBER() OVER (ORDER BY mean DESC, article) AS place FROM (
    SELECT ss_item_key AS article, AVG(ss_net_profit) AS mean FROM store_sales WHERE ss_store_key = 4 GROUP BY article))
  WHERE place < 11) AS worst, item AS i1, item AS i2
WHERE best.place = worst.place AND i1.i_key = best.article AND i2.i_key = worst.article
ORDER BY best.place""",
    73: """
SELECT channel, article, ratio, return_rank, currency_rank
FROM (
  SELECT 'web' AS channel, article, ratio, cash_ratio, RANK() OVER (ORDER BY ratio) AS return_rank, RANK() OVER (ORDER BY cash_ratio) AS currency_rank
  FROM (SELECT ws_item_key AS article, SUM(COALESCE(wr_quantity, 0)) / SUM(COALESCE(ws_quantity, 0)) AS ratio,
      SUM(COALESCE(wr_amount, 0)) / SUM(COALESCE(ws_net_paid, 0)) AS cash_ratio
    FROM web_sales LEFT JOIN web_returns ON ws_ticket = wr_ticket AND ws_item_key = wr_item_key JOIN date_dim ON ws_date_key = d_key
    WHERE ws_net_profit > 1 AND ws_net_paid > 0 AND ws_quantity > 0 AND d_year = 2019 GROUP BY article)
  UNION ALL
  SELECT 'store', article, ratio, cash_ratio, RANK() OVER (ORDER BY ratio), RANK() OVER (ORDER BY cash_ratio)
  FROM (SELECT ss_item_key AS article, SUM(COALESCE(sr_quantity, 0)) / SUM(COALESCE(ss_quantity, 0)) AS ratio,
      SUM(COALESCE(sr_amount, 0)) / SUM(COALESCE(ss_net_paid, 0)) AS cash_ratio
    FROM store_sales LEFT JOIN store_returns ON ss_ticket = sr_ticket AND ss_item_key = sr_item_key JOIN date_dim ON ss_date_key = d_key
    WHERE ss_net_profit > 1 AND ss_net_paid > 0 AND ss_quantity > 0 AND d_year = 2019 GROUP BY article))
WHERE return_rank <= 10 OR currency_rank <= 10
ORDER BY channel, return_rank, currency_rank, article
LIMIT 100""",
    74: """
SELECT i_maker_id, total, mean
FROM (
  SELECT i_maker_id, d_quarter, SUM(ss_sales_price) AS total, AVG(SUM(ss_sales_price)) OVER (PARTITION BY i_maker_id) AS mean
  FROM item, store_sales, date_dim, store
  WHERE ss_item_key = i_key AND ss_date_key = d_key AND ss_store_key = s_key AND d_month_seq BETWEEN 1 AND 12 AND i_category IN ('Books', 'Men', 'Music')
  GROUP BY i_maker_id, d_quarter)
WHERE CASE WHEN mean > 0 THEN ABS(total - mean) / mean ELSE NULL END > 0.2
ORDER BY mean, total, i_maker_id
LIMIT 100""",
    75: """
WITH moved AS (
  SELECT w_key, w_name, i_key, d_month, STDDEV(inv_quantity) AS spread, AVG(inv_quantity) AS mean
  FROM inventory, item, warehouse, date_dim
  WHERE inv_item_key = i_key AND inv_warehouse_key = w_key AND inv_date_key = d_key AND d_year = 2020
  GROUP BY w_key, w_name, i_key, d_month),
varied AS (SELECT *, CASE mean WHEN 0 THEN NULL ELSE spread / mean END AS cov FROM moved WHERE CASE mean WHEN 0 THEN 0 ELSE spread / mean END > 0.9)
SELECT a.w_key, a.i_key, a.d_month, a.mean, a.cov, b.d_month AS next_month, b.mean AS next_mean, b.cov AS next_cov
FROM varied AS a JOIN varied AS b ON a.i_key = b.i_key AND a.w_key = b.w_key
WHERE a.d_month = 1 AND b.d_month = 2
ORDER BY a.w_key, a.i_key, a.d_month, a.mean, a.cov""",
    76: """
SELECT i_category, i_class, i_id, revenue, place
FROM (
  SELECT i_category, i_class, i_id, SUM(ss_net_paid) AS revenue, DENSE_RANK() OVER (PARTITION BY i_category ORDER BY SUM(ss_net_paid) DESC) AS place
  FROM store_sales JOIN item ON ss_item_key = i_key GROUP BY i_category, i_class, i_id)
QUALIFY ROW_NUMBER() OVER (PARTITION BY i_category, i_class ORDER BY revenue DESC, i_id) = 1
ORDER BY i_category, i_class, i_id""",
    77: """
SELECT c_key, c_last_name, d_date, ss_ticket, paid
FROM (SELECT ss_customer_key, d_date, ss_ticket, SUM(ss_net_paid) AS paid FROM store_sales JOIN date_dim ON ss_date_key = d_key GROUP BY ss_customer_key, d_date, ss_ticket)
  JOIN customer ON ss_customer_key = c_key
WHERE c_birth_country = 'KENYA'
QUALIFY ROW_NUMBER() OVER (PARTITION BY c_key ORDER BY d_date DESC, ss_ticket DESC) = 1 AND COUNT(*) OVER (PARTITION BY c_key) > 3
ORDER BY paid DESC, c_key
LIMIT 50""",
    78: """
SELECT c_birth_country, NTILE(4) OVER (ORDER BY SUM(ss_net_paid), c_birth_country) AS quartile, SUM(ss_net_paid) AS paid,
  PERCENT_RANK() OVER (ORDER BY SUM(ss_net_paid)) AS pr, CUME_DIST() OVER (ORDER BY SUM(ss_net_paid)) AS cd,
  FIRST_VALUE(c_birth_country) OVER (ORDER BY SUM(ss_net_paid) DESC, c_birth_country) AS top
FROM store_sales JOIN customer ON ss_customer_key = c_key
GROUP BY c_birth_country
ORDER BY c_birth_country""",
    79: """
SELECT *
FROM (SELECT s_state, d_quarter, ss_net_paid FROM store_sales JOIN store ON ss_store_key = s_key JOIN date_dim ON ss_date_key = d_key WHERE d_year = 2019)
PIVOT (SUM(ss_net_paid) AS paid, COUNT(*) AS n FOR d_quarter IN (1 AS q1, 2 AS q2, 3 AS q3, 4 AS q4))
ORDER BY s_state""",
    80: """
SELECT store, quarter, total
FROM (
  SELECT s_id AS store, SUM(IF(d_quarter = 1, ss_ext_tax, 0)) AS q1, SUM(IF(d_quarter = 2, ss_ext_tax, 0)) AS q2, SUM(IF(d_quarter = 3, ss_ext_tax, NULL)) AS q3
  FROM store_sales JOIN store ON ss_store_key = s_key JOIN date_dim ON ss_date_key = d_key WHERE d_year = 2021 GROUP BY s_id)
UNPIVOT (total FOR quarter IN (q1, q2, q3))
ORDER BY store, quarter""",
    81: """
FROM store_sales
|> JOIN item ON ss_item_key = i_key
|> WHERE i_category IS NOT NULL AND ss_quantity > 10
|> AGGREGATE SUM(ss_ext_sales) AS sales, COUNT(*) AS n GROUP BY i_category, i_size
|> EXTEND sales / n AS mean
|> WHERE n > 100
|> ORDER BY sales DESC, i_category, i_size
|> LIMIT 20""",
    82: """
FROM web_sales
|> AS w
|> LEFT JOIN web_returns AS r ON w.ws_ticket = r.wr_ticket AND w.ws_item_key = r.wr_item_key
|> EXTEND IF(r.wr_ticket IS NULL, 'kept', 'returned') AS state
|> AGGREGATE COUNT(*) AS n, SUM(ws_net_paid) AS paid, AVG(ws_net_paid) AS mean GROUP AND ORDER BY state""",
    83: """
SELECT c_key, ARRAY_LENGTH(items) AS n, items[OFFSET(0)].article AS first_item, (SELECT SUM(x.paid) FROM UNNEST(items) AS x) AS paid,
  (SELECT COUNT(DISTINCT x.day) FROM UNNEST(items) AS x WHERE x.paid > 100) AS days
FROM (
  SELECT c_key, ARRAY_AGG(STRUCT(ws_item_key AS article, ws_date_key AS day, ws_net_paid AS paid) ORDER BY ws_date_key, ws_item_key, ws_ticket) AS items
  FROM web_sales JOIN customer ON ws_customer_key = c_key GROUP BY c_key)
WHERE ARRAY_LENGTH(items) > 20
ORDER BY n DESC, c_key
LIMIT 100""",
    84: """
SELECT ticket, line, x.article, x.q
FROM (SELECT cs_ticket AS ticket, ARRAY_AGG(STRUCT(cs_item_key AS article, cs_quantity AS q) ORDER BY cs_item_key) AS entries FROM catalog_sales WHERE cs_ticket < 500 GROUP BY ticket),
  UNNEST(entries) AS x WITH OFFSET AS line
WHERE x.q > 90
ORDER BY ticket, line""",
    85: """
SELECT i_category, STRING_AGG(DISTINCT i_color, ', ' ORDER BY i_color) AS colors, ARRAY_LENGTH(ARRAY_AGG(DISTINCT i_size)) AS sizes, MIN(i_since) AS first, ANY_VALUE(i_id HAVING MAX i_key) AS newest
FROM item
GROUP BY i_category
ORDER BY i_category""",
    86: """
SELECT DATE_TRUNC(d_date, MONTH) AS month, EXTRACT(ISOWEEK FROM MIN(d_date)) AS week, FORMAT_DATE('%Y-%m', MIN(d_date)) AS label, SUM(ws_ext_sales) AS sales,
  DATE_DIFF(MAX(d_date), MIN(d_date), DAY) AS span, LAST_DAY(MIN(d_date)) AS last
FROM web_sales JOIN date_dim ON ws_date_key = d_key
GROUP BY month
ORDER BY month""",
    87: """
SELECT UPPER(SUBSTR(c_last_name, 1, 3)) AS part, LENGTH(c_email) AS length, COUNT(*) AS n, COUNTIF(ENDS_WITH(c_email, 'mail.example')) AS mail,
  COUNTIF(STARTS_WITH(c_email, 'anna')) AS anna, MIN(REPLACE(c_email, '@', ' at ')) AS least, MAX(SPLIT(c_email, '@')[OFFSET(0)]) AS most
FROM customer
WHERE REGEXP_CONTAINS(c_email, r'^[a-m].*[02468]@') AND c_last_name LIKE '%er'
GROUP BY part, length
ORDER BY part, length""",
    88: """
SELECT d_year, DATE_DIFF(d_date, c_since, YEAR) AS years, COUNT(DISTINCT c_key) AS customers, SUM(cs_net_paid) AS paid
FROM catalog_sales JOIN customer ON cs_customer_key = c_key JOIN date_dim ON cs_date_key = d_key
WHERE c_since < DATE_SUB(d_date, INTERVAL 2 YEAR)
GROUP BY d_year, years
ORDER BY d_year, years""",
    89: """
SELECT i_id, first_sold, last_sold, DATE_DIFF(last_sold, first_sold, WEEK) AS weeks
FROM (SELECT i_id, MIN(d_date) AS first_sold, MAX(d_date) AS last_sold FROM store_sales JOIN item ON ss_item_key = i_key JOIN date_dim ON ss_date_key = d_key
  WHERE i_since <= d_date GROUP BY i_id HAVING COUNT(DISTINCT ss_customer_key) > 10)
ORDER BY weeks DESC, i_id
LIMIT 100""",
    90: """
WITH RECURSIVE months AS (
  SELECT DATE '2019-01-01' AS month UNION ALL SELECT DATE_ADD(month, INTERVAL 1 MONTH) FROM months WHERE month < DATE '2020-12-01')
SELECT month, COUNT(ss_ticket) AS n, SUM(COALESCE(ss_net_paid, 0)) AS paid
FROM months LEFT JOIN date_dim ON DATE_TRUNC(d_date, MONTH) = month LEFT JOIN store_sales ON ss_date_key = d_key
GROUP BY month
ORDER BY month""",
    91: """
SELECT t_shift, t_meal, hd_vehicles, COUNT(*) AS n, ROUND(SUM(ss_net_paid), 1) AS paid, SAFE_DIVIDE(COUNTIF(ss_promo_key IS NULL), COUNT(*)) AS without
FROM store_sales JOIN time_dim ON ss_time_key = t_key JOIN household_demographics ON ss_hdemo_key = hd_key
GROUP BY t_shift, t_meal, hd_vehicles
ORDER BY t_shift, t_meal, hd_vehicles""",
    92: """
SELECT bucket, COUNT(*) AS customers, SUM(paid) AS paid
FROM (SELECT CAST(TRUNC(SUM(ss_net_paid) / 50000) AS INT64) * 50 AS bucket, SUM(ss_net_paid) AS paid FROM store_sales WHERE ss_customer_key IS NOT NULL GROUP BY ss_customer_key)
GROUP BY bucket
ORDER BY bucket""",
    93: """
SELECT s_id, i_category, paid, paid / SUM(paid) OVER (PARTITION BY s_id) AS share, SUM(paid) OVER (PARTITION BY s_id ORDER BY paid DESC, i_category) AS running,
  COUNT(*) OVER (PARTITION BY i_category) AS shops
FROM (SELECT s_id, i_category, SUM(ss_net_paid) AS paid FROM store_sales JOIN store ON ss_store_key = s_key JOIN item ON ss_item_key = i_key
  WHERE s_closed IS NULL OR s_closed > DATE '2022-01-01' GROUP BY s_id, i_category)
ORDER BY s_id, running, i_category""",
    94: """
SELECT a.i_id, a.i_price, b.i_id AS near, b.i_price AS near_price
FROM item AS a JOIN item AS b ON a.i_brand_id = b.i_brand_id AND a.i_class = b.i_class AND a.i_key < b.i_key AND ABS(a.i_price - b.i_price) < NUMERIC '0.5'
ORDER BY a.i_id, near, a.i_price, near_price
LIMIT 100""",
    95: """
SELECT wp_type, COUNT(*) AS n, AVG(wp_chars) AS chars, MAX(wp_links) AS links, SUM(sold) AS sold
FROM web_page LEFT JOIN (SELECT ws_page_key, COUNT(*) AS sold FROM web_sales WHERE ws_quantity IS NOT NULL GROUP BY ws_page_key) ON wp_key = ws_page_key
GROUP BY 1
ORDER BY 1""",
    96: """
SELECT cp_catalog, cp_type, SUM(cs_net_profit) AS profit, COUNT(DISTINCT cs_item_key) AS items,
  MAX(cs_sales_price) - MIN(cs_sales_price) AS width, LOGICAL_OR(cs_coupon > 80) AS large_coupon, LOGICAL_AND(cs_quantity > 0) AS positive
FROM catalog_sales JOIN catalog_page ON cs_page_key = cp_key
GROUP BY cp_catalog, cp_type
ORDER BY cp_catalog, cp_type""",
    97: """
SELECT i_brand, SUM(ss_ext_sales) AS sales, SUM(ss_ext_sales * (1 - ss_ext_discount / NULLIF(ss_ext_list, 0))) AS weighted,
  CORR(CAST(ss_quantity AS FLOAT64), CAST(ss_sales_price AS FLOAT64)) AS correlation, VAR_POP(CAST(ss_quantity AS FLOAT64)) AS variance
FROM store_sales JOIN item ON ss_item_key = i_key
GROUP BY i_brand
ORDER BY i_brand""",
    98: """
SELECT c_key, d_date, LAG(d_date) OVER w AS before, DATE_DIFF(d_date, LAG(d_date) OVER w, DAY) AS gap, ROW_NUMBER() OVER w AS visit
FROM (SELECT DISTINCT c_key, d_date FROM store_sales JOIN customer ON ss_customer_key = c_key JOIN date_dim ON ss_date_key = d_key WHERE c_preferred)
WHERE c_key < 60
WINDOW w AS (PARTITION BY c_key ORDER BY d_date)
ORDER BY c_key, d_date""",
    99: """
SELECT SUBSTR(w_name, 1, 20) AS name, sm_type, cc_name, COUNTIF(late <= 30) AS d30, COUNTIF(late > 30 AND late <= 60) AS d60,
  COUNTIF(late > 60 AND late <= 90) AS d90, COUNTIF(late > 90) AS more
FROM (SELECT *, cs_ship_date_key - cs_date_key AS late FROM catalog_sales WHERE cs_date_key IS NOT NULL) JOIN warehouse ON cs_warehouse_key = w_key
  JOIN ship_mode ON cs_mode_key = sm_key JOIN call_center ON cs_center_key = cc_key
GROUP BY name, sm_type, cc_name
ORDER BY name, sm_type, cc_name""",
}
