"""Questions 1 to 33: stars of joins, subqueries, EXISTS and IN, several uses of one CTE."""

from __future__ import annotations

QUERIES: dict[int, str] = {
    1: """
WITH lost AS (
  SELECT sr_customer_key AS buyer, sr_store_key AS shop, SUM(sr_amount) AS total
  FROM store_returns JOIN date_dim ON sr_date_key = d_key
  WHERE d_year = 2019
  GROUP BY sr_customer_key, sr_store_key)
SELECT c_id, total
FROM lost AS a, store, customer
WHERE a.total > (SELECT AVG(total) * 1.2 FROM lost AS b WHERE a.shop = b.shop)
  AND s_key = a.shop AND s_employees > 210 AND a.buyer = c_key
ORDER BY c_id, total
LIMIT 100""",
    2: """
SELECT d_year, i_brand_id, i_brand, SUM(ss_ext_sales) AS revenue
FROM date_dim, store_sales, item
WHERE d_key = ss_date_key AND ss_item_key = i_key AND i_maker_id BETWEEN 10 AND 30 AND d_month = 11
GROUP BY d_year, i_brand_id, i_brand
ORDER BY d_year, revenue DESC, i_brand_id
LIMIT 100""",
    3: """
SELECT ca_state, COUNT(*) AS n
FROM customer_address AS a, customer AS c, store_sales AS s, date_dim AS d, item AS i
WHERE a.ca_key = c.c_addr_key AND c.c_key = s.ss_customer_key AND s.ss_date_key = d.d_key AND s.ss_item_key = i.i_key
  AND d.d_month_seq = (SELECT DISTINCT d_month_seq FROM date_dim WHERE d_year = 2019 AND d_month = 3)
  AND i.i_price > 1.2 * (SELECT AVG(j.i_price) FROM item AS j WHERE j.i_category = i.i_category)
GROUP BY ca_state
HAVING COUNT(*) >= 3
ORDER BY n, ca_state""",
    4: """
SELECT i_id, AVG(ss_quantity) AS quantity, AVG(ss_list_price) AS list_price, AVG(ss_coupon) AS coupon,
  AVG(ss_sales_price) AS price
FROM store_sales, customer_demographics, date_dim, item, promotion
WHERE ss_date_key = d_key AND ss_item_key = i_key AND ss_cdemo_key = cd_key AND ss_promo_key = p_key
  AND cd_gender = 'M' AND cd_marital IN ('S', 'M') AND (p_email IS NOT TRUE OR NOT p_tv) AND d_year = 2020
GROUP BY i_id
ORDER BY i_id
LIMIT 100""",
    5: """
SELECT
  CASE WHEN (SELECT COUNT(*) FROM store_sales WHERE ss_quantity BETWEEN 1 AND 20) > 20000
    THEN (SELECT AVG(ss_ext_discount) FROM store_sales WHERE ss_quantity BETWEEN 1 AND 20)
    ELSE (SELECT AVG(ss_net_paid) FROM store_sales WHERE ss_quantity BETWEEN 1 AND 20) END AS low,
  CASE WHEN (SELECT COUNT(*) FROM store_sales WHERE ss_quantity BETWEEN 21 AND 60) > 20000
    THEN (SELECT AVG(ss_ext_discount) FROM store_sales WHERE ss_quantity BETWEEN 21 AND 60)
    ELSE (SELECT AVG(ss_net_paid) FROM store_sales WHERE ss_quantity BETWEEN 21 AND 60) END AS middle,
  CASE WHEN (SELECT COUNT(*) FROM store_sales WHERE ss_quantity > 60) > 90000
    THEN (SELECT AVG(ss_ext_discount) FROM store_sales WHERE ss_quantity > 60)
    ELSE (SELECT AVG(ss_net_paid) FROM store_sales WHERE ss_quantity > 60) END AS high
FROM reason
WHERE r_key = 1""",
    6: """
SELECT cd_gender, cd_marital, cd_education, COUNT(*) AS n, cd_purchases, cd_credit
FROM customer AS c, customer_address AS ca, customer_demographics
WHERE c.c_addr_key = ca.ca_key AND ca_county IN ('Walker County', 'Barrow County', 'Luce County') AND cd_key = c.c_cdemo_key
  AND EXISTS (SELECT * FROM store_sales, date_dim WHERE c.c_key = ss_customer_key AND ss_date_key = d_key
    AND d_year = 2019 AND d_month BETWEEN 1 AND 6)
  AND (EXISTS (SELECT * FROM web_sales, date_dim WHERE c.c_key = ws_customer_key AND ws_date_key = d_key
      AND d_year = 2019 AND d_month BETWEEN 1 AND 6)
    OR EXISTS (SELECT * FROM catalog_sales, date_dim WHERE c.c_key = cs_ship_customer_key AND cs_date_key = d_key
      AND d_year = 2019 AND d_month BETWEEN 1 AND 6))
GROUP BY cd_gender, cd_marital, cd_education, cd_purchases, cd_credit
ORDER BY cd_gender, cd_marital, cd_education, cd_purchases, cd_credit
LIMIT 100""",
    7: """
SELECT i_id, i_description, i_category, i_class, SUM(ws_ext_sales) AS revenue
FROM web_sales, item, date_dim
WHERE ws_item_key = i_key AND i_category IN ('Sports', 'Books', 'Home') AND ws_date_key = d_key
  AND d_date BETWEEN DATE '2019-02-22' AND DATE_ADD(DATE '2019-02-22', INTERVAL 60 DAY)
GROUP BY i_key, i_id, i_description, i_category, i_class
ORDER BY i_category, i_class, i_id, i_description, revenue
LIMIT 100""",
    8: """
SELECT AVG(ss_quantity) AS q, AVG(ss_ext_sales) AS sales, AVG(ss_ext_wholesale) AS cost, SUM(ss_ext_wholesale) AS total
FROM store_sales, store, customer_demographics, household_demographics, customer_address, date_dim
WHERE s_key = ss_store_key AND ss_date_key = d_key AND d_year = 2019 AND ss_hdemo_key = hd_key AND cd_key = ss_cdemo_key
  AND ss_addr_key = ca_key
  AND ((cd_marital = 'M' AND cd_education = 'Advanced' AND ss_sales_price BETWEEN 10.00 AND 60.00 AND hd_dependents = 3)
    OR (cd_marital = 'S' AND cd_education = 'College' AND ss_sales_price BETWEEN 5.00 AND 100.00 AND hd_dependents <= 1)
    OR (cd_marital = 'W' AND ss_sales_price > 50.00 AND hd_dependents > 5))
  AND ((ca_state IN ('TX', 'OH') AND ss_net_profit BETWEEN -500 AND 2000) OR (ca_state IN ('GA', 'NY', 'FL') AND ss_net_profit > 0))""",
    9: """
SELECT ca_zip, SUM(cs_sales_price) AS total
FROM catalog_sales, customer, customer_address, date_dim
WHERE cs_customer_key = c_key AND c_addr_key = ca_key
  AND (SUBSTR(ca_zip, 1, 2) IN ('85', '86', '39', '12', '01') OR ca_state IN ('CA', 'WA', 'GA') OR cs_sales_price > 100)
  AND cs_date_key = d_key AND d_quarter = 2 AND d_year = 2019
GROUP BY ca_zip
ORDER BY ca_zip
LIMIT 100""",
    10: """
SELECT COUNT(DISTINCT cs_ticket) AS orders, SUM(cs_ext_tax) AS tax, SUM(cs_net_profit) AS profit
FROM catalog_sales AS a, date_dim, customer_address, call_center
WHERE d_date BETWEEN '2019-02-01' AND DATE_ADD(DATE '2019-02-01', INTERVAL 90 DAY) AND a.cs_ship_date_key = d_key
  AND a.cs_ship_addr_key = ca_key AND ca_state IN ('GA', 'TX', 'CA') AND a.cs_center_key = cc_key
  AND EXISTS (SELECT * FROM catalog_sales AS b WHERE a.cs_ticket = b.cs_ticket AND a.cs_warehouse_key <> b.cs_warehouse_key)
  AND NOT EXISTS (SELECT * FROM catalog_returns WHERE a.cs_ticket = cr_ticket)""",
    11: """
SELECT i_id, i_description, s_state, COUNT(ss_quantity) AS n, AVG(ss_quantity) AS mean, STDDEV_SAMP(ss_quantity) AS spread,
  STDDEV_SAMP(ss_quantity) / NULLIF(AVG(ss_quantity), 0) AS ratio
FROM store_sales, store_returns, date_dim AS d1, date_dim AS d2, store, item
WHERE d1.d_key = ss_date_key AND i_key = ss_item_key AND s_key = ss_store_key AND ss_customer_key = sr_customer_key
  AND ss_item_key = sr_item_key AND ss_ticket = sr_ticket AND sr_date_key = d2.d_key AND d1.d_year = 2019
  AND d2.d_quarter IN (1, 2, 3)
GROUP BY i_id, i_description, s_state
ORDER BY i_id, i_description, s_state
LIMIT 100""",
    12: """
SELECT i_brand_id, i_brand, i_maker_id, i_maker, SUM(ss_ext_sales) AS revenue
FROM date_dim, store_sales, item, customer, customer_address, store
WHERE d_key = ss_date_key AND ss_item_key = i_key AND i_manager_id BETWEEN 5 AND 20 AND d_month = 3 AND d_year = 2019
  AND ss_customer_key = c_key AND c_addr_key = ca_key AND SUBSTR(ca_zip, 1, 1) <> SUBSTR(s_hours, 1, 1)
  AND ca_city <> s_city AND ss_store_key = s_key
GROUP BY i_brand_id, i_brand, i_maker_id, i_maker
ORDER BY revenue DESC, i_brand, i_brand_id, i_maker_id, i_maker
LIMIT 50""",
    13: """
SELECT w_name, i_id, SUM(IF(d_date < DATE '2019-06-11', inv_quantity, 0)) AS earlier,
  SUM(IF(d_date >= DATE '2019-06-11', inv_quantity, 0)) AS later
FROM inventory, warehouse, item, date_dim
WHERE i_price BETWEEN 10.0 AND 45.5 AND i_key = inv_item_key AND inv_warehouse_key = w_key AND inv_date_key = d_key
  AND d_date BETWEEN DATE_SUB(DATE '2019-06-11', INTERVAL 30 DAY) AND DATE_ADD(DATE '2019-06-11', INTERVAL 30 DAY)
GROUP BY w_key, w_name, i_key, i_id
HAVING SUM(IF(d_date < DATE '2019-06-11', inv_quantity, 0)) > 0
  AND SUM(IF(d_date >= DATE '2019-06-11', inv_quantity, 0)) / SUM(IF(d_date < DATE '2019-06-11', inv_quantity, 0)) BETWEEN 0.5 AND 1.5
ORDER BY w_name, i_id, earlier, later
LIMIT 100""",
    14: """
WITH often AS (
  SELECT ss_item_key AS article, COUNT(*) AS n
  FROM store_sales JOIN date_dim ON ss_date_key = d_key
  WHERE d_year IN (2019, 2020)
  GROUP BY article
  HAVING COUNT(*) > 40),
spenders AS (
  SELECT ss_customer_key AS buyer, SUM(ss_quantity * ss_sales_price) AS spent
  FROM store_sales WHERE ss_customer_key IS NOT NULL GROUP BY buyer),
best AS (
  SELECT buyer FROM spenders WHERE spent > 0.5 * (SELECT MAX(spent) FROM spenders))
SELECT SUM(sales) AS total
FROM (
  SELECT cs_quantity * cs_list_price AS sales FROM catalog_sales
  WHERE cs_item_key IN (SELECT article FROM often) AND cs_customer_key IN (SELECT buyer FROM best)
  UNION ALL
  SELECT ws_quantity * ws_list_price FROM web_sales
  WHERE ws_item_key IN (SELECT article FROM often) AND ws_customer_key IN (SELECT buyer FROM best))""",
    15: """
WITH bought AS (
  SELECT c_last_name, c_first_name, s_name, i_color, SUM(ss_net_paid) AS paid
  FROM store_sales, store_returns, store, item, customer
  WHERE ss_ticket = sr_ticket AND ss_item_key = sr_item_key AND ss_customer_key = c_key AND ss_item_key = i_key
    AND ss_store_key = s_key AND c_birth_country <> 'JAPAN'
  GROUP BY c_last_name, c_first_name, s_name, i_color)
SELECT c_last_name, c_first_name, s_name, SUM(paid) AS total
FROM bought
WHERE i_color IN ('blue', 'green')
GROUP BY c_last_name, c_first_name, s_name
HAVING SUM(paid) > (SELECT 0.05 * AVG(paid) FROM bought)
ORDER BY c_last_name, c_first_name, s_name""",
    16: """
SELECT i_id, s_id, MAX(ss_net_profit) AS sold, MAX(sr_loss) AS lost, MAX(cs_net_profit) AS bought_again
FROM store_sales, store_returns, catalog_sales, date_dim AS d1, date_dim AS d2, store, item
WHERE d1.d_year = 2019 AND d1.d_key = ss_date_key AND i_key = ss_item_key AND s_key = ss_store_key
  AND ss_customer_key = sr_customer_key AND ss_item_key = sr_item_key AND ss_ticket = sr_ticket AND sr_date_key = d2.d_key
  AND d2.d_month BETWEEN 1 AND 10 AND sr_customer_key = cs_customer_key
GROUP BY i_id, s_id
ORDER BY i_id, s_id
LIMIT 100""",
    17: """
SELECT SUM(cs_ext_discount) AS excess
FROM catalog_sales AS a JOIN item ON i_key = cs_item_key JOIN date_dim ON d_key = cs_date_key
WHERE i_maker_id < 40 AND d_date BETWEEN '2019-01-27' AND DATE_ADD(DATE '2019-01-27', INTERVAL 180 DAY)
  AND cs_ext_discount > (
    SELECT 1.3 * AVG(cs_ext_discount) FROM catalog_sales AS b JOIN date_dim ON d_key = cs_date_key
    WHERE b.cs_item_key = i_key AND d_date BETWEEN '2019-01-27' AND DATE_ADD(DATE '2019-01-27', INTERVAL 180 DAY))""",
    18: """
SELECT c_last_name, c_first_name, c_salutation, c_preferred, ticket, n
FROM (
  SELECT ss_ticket AS ticket, ss_customer_key AS buyer, COUNT(*) AS n
  FROM store_sales, date_dim, store, household_demographics
  WHERE ss_date_key = d_key AND ss_store_key = s_key AND ss_hdemo_key = hd_key AND (d_day BETWEEN 1 AND 3 OR d_day BETWEEN 25 AND 28)
    AND hd_potential IN ('>10000', 'Unknown') AND hd_vehicles > 0
    AND CASE WHEN hd_vehicles > 0 THEN hd_dependents / hd_vehicles ELSE NULL END > 1.2
  GROUP BY ticket, buyer) AS t JOIN customer ON buyer = c_key
WHERE n BETWEEN 5 AND 20
ORDER BY c_last_name, c_first_name, c_salutation, c_preferred DESC, ticket
LIMIT 200""",
    19: """
SELECT ca_state, cd_gender, cd_marital, cd_dependents, COUNT(*) AS n, MIN(cd_dependents) AS least, MAX(cd_dependents) AS most,
  AVG(cd_dependents) AS mean
FROM customer AS c JOIN customer_address ON c_addr_key = ca_key JOIN customer_demographics ON cd_key = c_cdemo_key
WHERE c_key IN (SELECT ss_customer_key FROM store_sales JOIN date_dim ON ss_date_key = d_key WHERE d_year = 2019)
  AND c_key NOT IN (SELECT ws_customer_key FROM web_sales WHERE ws_customer_key IS NOT NULL)
GROUP BY ca_state, cd_gender, cd_marital, cd_dependents
ORDER BY ca_state, cd_gender, cd_marital, cd_dependents
LIMIT 100""",
    20: """
SELECT i_id, i_description, i_price
FROM item, inventory, date_dim, store_sales
WHERE i_price BETWEEN 30 AND 60 AND inv_item_key = i_key AND d_key = inv_date_key
  AND d_date BETWEEN DATE '2019-05-25' AND DATE '2019-06-25' AND i_maker_id IN (1, 13, 25, 37, 49, 61, 73, 85, 97)
  AND inv_quantity BETWEEN 100 AND 500 AND ss_item_key = i_key
GROUP BY i_id, i_description, i_price
ORDER BY i_id, i_description""",
    21: """
SELECT w_state, i_id, SUM(CASE WHEN d_date < DATE '2019-04-08' THEN cs_sales_price - COALESCE(cr_cash, 0) ELSE 0 END) AS earlier,
  SUM(CASE WHEN d_date >= DATE '2019-04-08' THEN cs_sales_price - COALESCE(cr_cash, 0) ELSE 0 END) AS later
FROM catalog_sales LEFT JOIN catalog_returns ON cs_ticket = cr_ticket AND cs_item_key = cr_item_key, warehouse, item, date_dim
WHERE i_price BETWEEN 9.9 AND 61.49 AND i_key = cs_item_key AND cs_warehouse_key = w_key AND cs_date_key = d_key
  AND d_date BETWEEN DATE_SUB('2019-04-08', INTERVAL 30 DAY) AND DATE_ADD('2019-04-08', INTERVAL 30 DAY)
GROUP BY w_state, i_id
ORDER BY w_state, i_id
LIMIT 100""",
    22: """
SELECT DISTINCT i_description
FROM item AS a
WHERE i_maker_id BETWEEN 38 AND 58
  AND (SELECT COUNT(*) FROM item AS b WHERE b.i_maker = a.i_maker
    AND ((b.i_category = 'Women' AND b.i_color IN ('green', 'blue') AND b.i_size IN ('medium', 'large'))
      OR (b.i_category = 'Men' AND b.i_color IN ('navy', 'lime') AND b.i_units = 'Case'))) > 0
ORDER BY i_description
LIMIT 100""",
    23: """
SELECT d_year, i_category, SUM(ss_ext_sales) AS total
FROM date_dim AS dt, store_sales, item
WHERE dt.d_key = ss_date_key AND ss_item_key = i_key AND i_manager_id <= 3 AND dt.d_month IN (11, 12)
GROUP BY d_year, i_category
ORDER BY total DESC, d_year, i_category
LIMIT 100""",
    24: """
SELECT s_name, s_id,
  SUM(CASE WHEN d_day_name = 'Sunday' THEN ss_sales_price ELSE NULL END) AS sunday,
  SUM(CASE WHEN d_day_name = 'Monday' THEN ss_sales_price ELSE NULL END) AS monday,
  SUM(CASE WHEN d_day_name = 'Friday' THEN ss_sales_price ELSE NULL END) AS friday,
  SUM(CASE WHEN d_day_name = 'Saturday' THEN ss_sales_price ELSE NULL END) AS saturday
FROM date_dim, store_sales, store
WHERE d_key = ss_date_key AND s_key = ss_store_key AND s_tax < 0.08 AND d_year = 2019
GROUP BY s_name, s_id
ORDER BY s_name, s_id
LIMIT 100""",
    25: """
SELECT c_last_name, c_first_name, ca_city, bought_city, ticket, coupon, profit
FROM (
  SELECT ss_ticket AS ticket, ss_customer_key AS buyer, ca_city AS bought_city, SUM(ss_coupon) AS coupon, SUM(ss_net_profit) AS profit
  FROM store_sales, date_dim, store, household_demographics, customer_address
  WHERE ss_date_key = d_key AND ss_store_key = s_key AND ss_hdemo_key = hd_key AND ss_addr_key = ca_key
    AND (hd_dependents = 4 OR hd_vehicles = 3) AND d_weekend AND d_year IN (2019, 2020, 2021)
  GROUP BY ticket, buyer, ss_addr_key, bought_city) AS t, customer, customer_address AS now
WHERE t.buyer = c_key AND customer.c_addr_key = now.ca_key AND now.ca_city <> bought_city
ORDER BY c_last_name, c_first_name, ca_city, bought_city, ticket
LIMIT 100""",
    26: """
SELECT SUM(ss_quantity) AS quantity
FROM store_sales, store, customer_demographics, customer_address, date_dim
WHERE s_key = ss_store_key AND ss_date_key = d_key AND d_year = 2020 AND cd_key = ss_cdemo_key AND ss_addr_key = ca_key
  AND ((cd_marital = 'M' AND cd_education = '4 yr Degree' AND ss_sales_price BETWEEN 10 AND 50)
    OR (cd_marital = 'D' AND cd_education = 'Secondary' AND ss_sales_price BETWEEN 5 AND 70))
  AND ca_country = 'United States' AND ss_net_profit BETWEEN -2000 AND 3000""",
    27: """
SELECT s_name, s_id, s_county,
  COUNTIF(sr_date_key - ss_date_key <= 30) AS within_30,
  COUNTIF(sr_date_key - ss_date_key > 30 AND sr_date_key - ss_date_key <= 60) AS within_60,
  COUNTIF(sr_date_key - ss_date_key > 60) AS later
FROM store_sales, store_returns, store, date_dim
WHERE d_year IN (2019, 2020) AND ss_ticket = sr_ticket AND ss_item_key = sr_item_key AND ss_customer_key = sr_customer_key
  AND sr_date_key = d_key AND ss_store_key = s_key
GROUP BY s_name, s_id, s_county
ORDER BY s_name, s_id, s_county""",
    28: """
SELECT (SELECT COUNT(*) FROM web_sales JOIN time_dim ON ws_time_key = t_key JOIN household_demographics ON ws_hdemo_key = hd_key
    WHERE t_hour BETWEEN 8 AND 11 AND hd_dependents = 6)
  / NULLIF((SELECT COUNT(*) FROM web_sales JOIN time_dim ON ws_time_key = t_key JOIN household_demographics ON ws_hdemo_key = hd_key
    WHERE t_hour BETWEEN 19 AND 21 AND hd_dependents = 6), 0) AS morning_to_evening""",
    29: """
SELECT cc_name, cc_manager, cd_marital, cd_education, SUM(cr_loss) AS loss
FROM call_center, catalog_returns, date_dim, customer, customer_address, customer_demographics, household_demographics
WHERE cr_center_key = cc_key AND cr_date_key = d_key AND cr_customer_key = c_key AND cd_key = c_cdemo_key AND hd_key = c_hdemo_key
  AND ca_key = c_addr_key AND d_year = 2019 AND hd_potential LIKE 'Unknown%'
  AND (cd_marital, cd_education) IN (('M', 'Unknown'), ('W', 'Advanced'), ('S', 'College'))
GROUP BY cc_name, cc_manager, cd_marital, cd_education
ORDER BY loss DESC, cc_name, cc_manager, cd_marital, cd_education""",
    30: """
WITH returned AS (
  SELECT wr_customer_key AS buyer, ca_state AS state, SUM(wr_amount) AS total
  FROM web_returns, date_dim, customer_address
  WHERE wr_date_key = d_key AND d_year = 2019 AND wr_addr_key = ca_key
  GROUP BY buyer, state)
SELECT c_id, c_salutation, c_first_name, c_last_name, c_birth_year, c_email, total
FROM returned AS r, customer
WHERE r.total > (SELECT AVG(total) * 1.2 FROM returned AS s WHERE r.state = s.state) AND buyer = c_key
ORDER BY c_id, total
LIMIT 100""",
    31: """
SELECT c_id, c_first_name, c_last_name, CONCAT(c_last_name, ', ', COALESCE(c_first_name, '')) AS name
FROM customer JOIN customer_address ON c_addr_key = ca_key JOIN household_demographics ON hd_key = c_hdemo_key
  JOIN income_band ON ib_key = hd_income_key
WHERE ca_city = 'Oakland' AND ib_lower >= 50000 AND ib_upper <= 120000
  AND EXISTS (SELECT 1 FROM store_returns WHERE sr_customer_key = c_key)
ORDER BY c_id
LIMIT 100""",
    32: """
SELECT s_name, i_description, revenue, i_price, i_cost, i_brand
FROM store, item,
  (SELECT shop, AVG(revenue) AS mean FROM (
    SELECT ss_store_key AS shop, ss_item_key AS article, SUM(ss_sales_price) AS revenue FROM store_sales GROUP BY shop, article) GROUP BY shop) AS m,
  (SELECT ss_store_key AS shop, ss_item_key AS article, SUM(ss_sales_price) AS revenue FROM store_sales GROUP BY shop, article) AS r
WHERE m.shop = r.shop AND r.revenue <= 0.1 * m.mean AND s_key = r.shop AND i_key = r.article
ORDER BY s_name, i_description, revenue, i_price, i_cost, i_brand
LIMIT 100""",
    33: """
SELECT p_purpose, COUNT(*) AS n, SUM(ss_net_profit) AS profit,
  SUM(IF(p_tv, ss_ext_sales, NULL)) * 100 / NULLIF(SUM(ss_ext_sales), 0) AS tv_percent
FROM store_sales LEFT JOIN promotion ON ss_promo_key = p_key
WHERE ss_item_key IN (SELECT i_key FROM item WHERE i_category NOT IN ('Music', 'Shoes'))
GROUP BY p_purpose
ORDER BY p_purpose""",
}
