"""Functions on numbers, bits and intervals of numbers."""

from __future__ import annotations

from .family import Family

FAMILIES = (
    Family(
        "math",
        "Mathematical functions",
        """
ABS  ABS(-3)
ACOS  ACOS(0.5)
ACOSH  ACOSH(2.5)
ASIN  ASIN(0.5)
ASINH  ASINH(2.5)
ATAN  ATAN(0.5)
ATAN2  ATAN2(1, -2)
ATANH  ATANH(0.5)
CBRT  CBRT(27)
CEIL  CEIL(2.1)
CEILING  CEILING(NUMERIC '-2.1')
COS  COS(0.5)
COSH  COSH(0.5)
COSINE_DISTANCE  COSINE_DISTANCE([1.0, 2.0], [3.0, 4.0])
COT  COT(0.5)
COTH  COTH(0.5)
CSC  CSC(0.5)
CSCH  CSCH(0.5)
DIV  DIV(-20, 3)
EUCLIDEAN_DISTANCE  EUCLIDEAN_DISTANCE([1.0, 2.0], [4.0, 6.0])
EXP  EXP(1.5)
FLOOR  FLOOR(-2.1)
IEEE_DIVIDE  IEEE_DIVIDE(1, 0)
IS_INF  IS_INF(CAST('inf' AS FLOAT64))
IS_NAN  IS_NAN(CAST('nan' AS FLOAT64))
LN  LN(2.5)
LOG  LOG(8, 2)
LOG10  LOG10(100)
MOD  MOD(-7, 3)
POW  POW(2, 0.5)
POWER  POWER(NUMERIC '1.5', 3)
RAND  RAND() < 1
RANGE_BUCKET  RANGE_BUCKET(20, [0, 10, 20, 30])
ROUND  ROUND(2.5)
SAFE_ADD  SAFE_ADD(9223372036854775807, 1)
SAFE_DIVIDE  SAFE_DIVIDE(1, 0)
SAFE_MULTIPLY  SAFE_MULTIPLY(3, 4)
SAFE_NEGATE  SAFE_NEGATE(-9223372036854775808)
SAFE_SUBTRACT  SAFE_SUBTRACT(1, 2.5)
SEC  SEC(0.5)
SECH  SECH(0.5)
SIGN  SIGN(-2.5)
SIN  SIN(0.5)
SINH  SINH(0.5)
SQRT  SQRT(2)
TAN  TAN(0.5)
TANH  TANH(0.5)
TRUNC  TRUNC(-2.567, 1)
""",
        shown="tests/unit/sql/lower/functions/test_math.py",
    ),
    Family(
        "bit",
        "Bit functions",
        """
BIT_COUNT  BIT_COUNT(-1)
""",
    ),
    Family(
        "utility",
        "Utility functions",
        """
GENERATE_UUID  LENGTH(GENERATE_UUID())
SESSION_USER  SESSION_USER()
""",
    ),
)
