"""Functions on STRING and BYTES."""

from __future__ import annotations

from .family import Family

FAMILIES = (
    Family(
        "text",
        "String functions",
        """
ASCII  ASCII('abc')
BYTE_LENGTH  BYTE_LENGTH('é')
CHAR_LENGTH  CHAR_LENGTH('é')
CHARACTER_LENGTH  CHARACTER_LENGTH('éa')
CHR  CHR(233)
CODE_POINTS_TO_BYTES  CODE_POINTS_TO_BYTES([65, 98])
CODE_POINTS_TO_STRING  CODE_POINTS_TO_STRING([65, 233])
COLLATE  COLLATE('A', 'und:ci') = 'a'
CONCAT  CONCAT('a', 'b', 1)
CONTAINS_SUBSTR  CONTAINS_SUBSTR('The Blue House', 'blue house')
EDIT_DISTANCE  EDIT_DISTANCE('abcd', 'axc', max_distance => 5)
ENDS_WITH  ENDS_WITH('apple', 'le')
FORMAT  FORMAT('%s|%05d|%.2f|%T', 'a', 42, 1.5, [1, 2])
FROM_BASE32  FROM_BASE32('MFRGG===')
FROM_BASE64  FROM_BASE64('YWJj')
FROM_HEX  FROM_HEX('00ff')
INITCAP  INITCAP('hello wORLD-x')
INSTR  INSTR('banana', 'an', -1, 2)
LEFT  LEFT('banana', 3)
LENGTH  LENGTH('é')
LOWER  LOWER('ÀB')
LPAD  LPAD('abc', 6, 'xy')
LTRIM  LTRIM('  a ')
NORMALIZE  NORMALIZE('e\\u0301', NFC)
NORMALIZE_AND_CASEFOLD  NORMALIZE_AND_CASEFOLD('É')
OCTET_LENGTH  OCTET_LENGTH('é')
REGEXP_CONTAINS  REGEXP_CONTAINS('abc123', r'[a-c]+\\d')
REGEXP_EXTRACT  REGEXP_EXTRACT('a1b22', r'b(\\d+)')
REGEXP_EXTRACT_ALL  REGEXP_EXTRACT_ALL('a1b22', r'\\d+')
REGEXP_INSTR  REGEXP_INSTR('a1b22', r'\\d+', 3)
REGEXP_REPLACE  REGEXP_REPLACE('abc', r'(b)', r'<\\1>')
REGEXP_SUBSTR  REGEXP_SUBSTR('a1b22', r'\\d+', 1, 2)
REPEAT  REPEAT('ab', 3)
REPLACE  REPLACE('banana', 'an', 'x')
REVERSE  REVERSE('abc')
RIGHT  RIGHT('banana', 3)
RPAD  RPAD('abc', 6)
RTRIM  RTRIM(' abcxx', 'x')
SAFE_CONVERT_BYTES_TO_STRING  SAFE_CONVERT_BYTES_TO_STRING(b'a\\xff')
SOUNDEX  SOUNDEX('Ashcraft')
SPLIT  SPLIT('a,b,,c')
STARTS_WITH  STARTS_WITH('apple', 'ap')
STRPOS  STRPOS('banana', 'an')
SUBSTR  SUBSTR('banana', -3, 2)
SUBSTRING  SUBSTRING('banana', 2)
TO_BASE32  TO_BASE32(b'abc')
TO_BASE64  TO_BASE64(b'abc')
TO_CODE_POINTS  TO_CODE_POINTS('aé')
TO_HEX  TO_HEX(b'\\x00\\xff')
TRANSLATE  TRANSLATE('abc', 'ab', 'x')
TRIM  TRIM('xaax', 'x')
UNICODE  UNICODE('é')
UPPER  UPPER('àb')
""",
        shown="tests/unit/sql/lower/functions/test_text.py",
    ),
    Family(
        "hash",
        "Hash functions",
        """
FARM_FINGERPRINT  FARM_FINGERPRINT('abc')
MD5  MD5('abc')
SHA1  SHA1('abc')
SHA256  SHA256('abc')
SHA512  SHA512(b'abc')
""",
    ),
    Family(
        "analysis",
        "Text analysis and search",
        """
BAG_OF_WORDS  BAG_OF_WORDS(['a', 'b', 'a'])
SEARCH  SEARCH('red wine', 'WINE')
TEXT_ANALYZE  TEXT_ANALYZE('I like pie, you like pie')
TF_IDF  SELECT TF_IDF(x, 10, 1) OVER () FROM (SELECT ['a', 'b'] AS x)
VECTOR_SEARCH  SELECT distance FROM VECTOR_SEARCH((SELECT [1.0, 2.0] AS v), 'v',
    (SELECT [1.0, 3.0] AS v), top_k => 1)
""",
        shown="tests/unit/sql/lower/functions/test_search.py",
    ),
)
