"""Sketches, keysets and hosts as Google's Python client sees them."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytestmark = [
    pytest.mark.fidelity(
        "sql:sketches",
        "approximated",
        "HLL_COUNT sketches are those of the service (those of NUMERIC and BIGNUMERIC bear value types of "
        "their own); large counts are estimated without its table of biases, KLL_QUANTILES sketches have a "
        "form of their own",
        tests="test_sketches_* test_an_invalid_*",
    ),
    pytest.mark.fidelity(
        "sql:encryption functions",
        "approximated",
        "keysets and ciphertexts are those of Tink; Cloud KMS has a local stand-in, whose wrapped "
        "keysets are of no use elsewhere",
        tests="test_crypto_*",
    ),
]


def rows(client: bigquery.Client, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    given = [bigquery.ScalarQueryParameter(name, *value) for name, value in parameters.items()]
    job = client.query(sql, job_config=bigquery.QueryJobConfig(query_parameters=given))
    return [row.values() for row in job.result()]


@pytest.fixture
def client(bqsim_client: bigquery.Client) -> bigquery.Client:
    bqsim_client.create_dataset("d")
    return bqsim_client


def test_sketches_of_days_are_stored_and_merged(client: bigquery.Client) -> None:
    rows(
        client,
        """CREATE TABLE d.days AS SELECT MOD(n, 5) AS day,
        HLL_COUNT.INIT(FORMAT('user %d', MOD(n, 700))) users, KLL_QUANTILES.INIT_INT64(MOD(n, 700)) visits
        FROM UNNEST(GENERATE_ARRAY(1, 7000)) n GROUP BY day""",
    )
    assert [field.field_type for field in client.get_table("d.days").schema] == ["INTEGER", "BYTES", "BYTES"]
    merged = "HLL_COUNT.MERGE(users), KLL_QUANTILES.MERGE_INT64(visits, 4)"
    assert rows(client, f"SELECT {merged} FROM d.days") == [(700, [0, 174, 349, 524, 699])]
    sql = "SELECT HLL_COUNT.EXTRACT(users), KLL_QUANTILES.EXTRACT_POINT_INT64(visits, 0) FROM d.days"
    assert sorted(rows(client, sql)) == [(140, day) for day in range(5)]


def test_sketches_go_through_the_client_unchanged(client: bigquery.Client) -> None:
    [(sketch,)] = rows(client, "SELECT HLL_COUNT.INIT(n, @p) FROM UNNEST([1, 2, 3]) n", p=("INT64", 15))
    assert sketch.hex() == "08701003180220088207121003180f2014320aacfc20eaa60debfea101"
    assert rows(client, "SELECT HLL_COUNT.EXTRACT(@s)", s=("BYTES", sketch)) == [(3,)]


def test_an_invalid_sketch_is_told(client: bigquery.Client) -> None:
    with pytest.raises(exceptions.BadRequest, match=r"Invalid sketch in HLL_COUNT\.EXTRACT"):
        rows(client, "SELECT HLL_COUNT.EXTRACT(@s)", s=("BYTES", b"abc"))


def test_crypto_shredding(client: bigquery.Client) -> None:
    rows(
        client,
        """CREATE TABLE d.keys AS SELECT id, KEYS.NEW_KEYSET('AEAD_AES_GCM_256') AS keyset
        FROM UNNEST([1, 2, 3]) AS id""",
    )
    rows(
        client,
        """CREATE TABLE d.secrets AS SELECT id,
        AEAD.ENCRYPT(keyset, FORMAT('secret %d', id), CAST(id AS STRING)) AS secret FROM d.keys""",
    )
    rows(client, "DELETE FROM d.keys WHERE id = 2")
    sql = """SELECT id, AEAD.DECRYPT_STRING(keyset, secret, CAST(id AS STRING))
        FROM d.secrets LEFT JOIN d.keys USING (id) ORDER BY id"""
    assert rows(client, sql) == [(1, "secret 1"), (2, None), (3, "secret 3")]
    wrong = "SELECT AEAD.DECRYPT_STRING(keyset, secret, 'other') FROM d.secrets JOIN d.keys USING (id)"
    with pytest.raises(exceptions.BadRequest, match=r"AEAD\.DECRYPT_STRING failed: decryption failed"):
        rows(client, wrong)


def test_crypto_with_a_wrapped_keyset_as_parameter(client: bigquery.Client) -> None:
    name = "gcp-kms://projects/p/locations/us/keyRings/r/cryptoKeys/k"
    kind = "DETERMINISTIC_AEAD_AES_SIV_CMAC_256"
    [(wrapped,)] = rows(client, f"SELECT KEYS.NEW_WRAPPED_KEYSET('{name}', '{kind}')")
    sql = """SELECT DETERMINISTIC_ENCRYPT(KEYS.KEYSET_CHAIN(@name, @wrapped), x, '') = DETERMINISTIC_ENCRYPT(
        KEYS.KEYSET_CHAIN(@name, @wrapped), 'a', '') FROM UNNEST(['a', 'b']) x"""
    found = rows(client, sql, name=("STRING", name), wrapped=("BYTES", wrapped))
    assert sorted(found) == [(False,), (True,)]


def test_hosts(client: bigquery.Client) -> None:
    sql = "SELECT NET.HOST(@u), NET.PUBLIC_SUFFIX(@u), NET.REG_DOMAIN(@u)"
    found = rows(client, sql, u=("STRING", "https://user@shop.Example.co.uk:443/a?b"))
    assert found == [("shop.Example.co.uk", "co.uk", "Example.co.uk")]
