"""Functions of models, of AI and of objects in Cloud Storage."""

from __future__ import annotations

from .family import Family

_ROWS = "(SELECT 1.0 AS x)"

# Functions of a model alone, and of a model and a table.
_ALONE = """ADVANCED_WEIGHTS ARIMA_COEFFICIENTS ARIMA_EVALUATE CENTROIDS CONFUSION_MATRIX EVALUATE
    FEATURE_IMPORTANCE
FEATURE_INFO FORECAST GLOBAL_EXPLAIN HOLIDAY_INFO PRINCIPAL_COMPONENTS PRINCIPAL_COMPONENT_INFO RECOMMEND
ROC_CURVE TRAINING_INFO TRIAL_INFO WEIGHTS""".split()  # noqa: SIM905
_OF_ROWS = """ANNOTATE_IMAGE DETECT_ANOMALIES EXPLAIN_FORECAST EXPLAIN_PREDICT GENERATE_EMBEDDING
    GENERATE_TEXT
GENERATE_TEXT_EMBEDDING PREDICT PROCESS_DOCUMENT RECONSTRUCTION_LOSS TRANSCRIBE TRANSFORM
TRANSLATE UNDERSTAND_TEXT""".split()  # noqa: SIM905
_OF_TABLES = """DESCRIBE_DATA ENTITY_FEATURES_AT_TIME FEATURES_AT_TIME GET_INSIGHTS TFDV_DESCRIBE
    TFDV_VALIDATE
VALIDATE_DATA_DRIFT VALIDATE_DATA_SKEW""".split()  # noqa: SIM905
_AI_TABLES = """CAUSAL_IMPACT DETECT_ANOMALIES EVALUATE FORECAST GENERATE_EMBEDDING GENERATE_TABLE
    GENERATE_TEXT
KEY_DRIVERS SEARCH""".split()  # noqa: SIM905

FAMILIES = (
    Family(
        "ml",
        "Functions of BigQuery ML",
        "\n".join(
            [
                *(f"ML.{name}  SELECT * FROM ML.{name}(MODEL d.m)" for name in _ALONE),
                *(f"ML.{name}  SELECT * FROM ML.{name}(MODEL d.m, {_ROWS})" for name in _OF_ROWS),
                *(f"ML.{name}  SELECT * FROM ML.{name}({_ROWS}, {_ROWS})" for name in _OF_TABLES),
            ]
        ),
    ),
    Family(
        "preprocessing",
        "Preprocessing functions of BigQuery ML",
        """
ML.BAG_OF_WORDS  ML.BAG_OF_WORDS(['a', 'b', 'a'], 10, 1) OVER ()
ML.BUCKETIZE  ML.BUCKETIZE(2.5, [1.0, 2.0, 3.0])
ML.CONVERT_COLOR_SPACE  ML.CONVERT_COLOR_SPACE(ML.DECODE_IMAGE(b'x'), 'HSV')
ML.CONVERT_IMAGE_TYPE  ML.CONVERT_IMAGE_TYPE(ML.DECODE_IMAGE(b'x'))
ML.DECODE_IMAGE  ML.DECODE_IMAGE(b'x')
ML.DISTANCE  ML.DISTANCE([1.0, 2.0], [4.0, 6.0], 'MANHATTAN')
ML.FEATURE_CROSS  ML.FEATURE_CROSS(STRUCT('a' AS f, 'b' AS g))
ML.HASH_BUCKETIZE  ML.HASH_BUCKETIZE('a', 3)
ML.IMPUTER  ML.IMPUTER(1.5, 'mean') OVER ()
ML.LABEL_ENCODER  ML.LABEL_ENCODER('a') OVER ()
ML.LP_NORM  ML.LP_NORM([3.0, 4.0], 2.0)
ML.MAX_ABS_SCALER  ML.MAX_ABS_SCALER(1.5) OVER ()
ML.MIN_MAX_SCALER  ML.MIN_MAX_SCALER(1.5) OVER ()
ML.MULTI_HOT_ENCODER  ML.MULTI_HOT_ENCODER(['a', 'b']) OVER ()
ML.NGRAMS  ML.NGRAMS(['a', 'b', 'c'], [2, 3], '#')
ML.NORMALIZER  ML.NORMALIZER([3.0, 4.0])
ML.ONE_HOT_ENCODER  ML.ONE_HOT_ENCODER('a') OVER ()
ML.POLYNOMIAL_EXPAND  ML.POLYNOMIAL_EXPAND(STRUCT(2 AS f, 3 AS g))
ML.QUANTILE_BUCKETIZE  ML.QUANTILE_BUCKETIZE(1.5, 2) OVER ()
ML.RESIZE_IMAGE  ML.RESIZE_IMAGE(ML.DECODE_IMAGE(b'x'), 2, 2, TRUE)
ML.ROBUST_SCALER  ML.ROBUST_SCALER(1.5) OVER ()
ML.STANDARD_SCALER  ML.STANDARD_SCALER(x) OVER ()
ML.TF_IDF  ML.TF_IDF(['a', 'b'], 10, 1) OVER ()
""",
        template="SELECT {} FROM (SELECT 1.5 AS x UNION ALL SELECT 2.5)",
        shown="tests/unit/sql/lower/functions/test_preprocessing.py",
        notes=dict.fromkeys(
            ("ML.IMPUTER", "ML.QUANTILE_BUCKETIZE", "ML.ROBUST_SCALER"),
            "Quantiles are exact, where the service's are approximate.",
        ),
    ),
    Family(
        "ai",
        "AI functions",
        "\n".join(f"AI.{name}  SELECT * FROM AI.{name}(MODEL d.m, {_ROWS})" for name in _AI_TABLES)
        + """
AI.AGG  SELECT AI.AGG(x, 'summarize') FROM UNNEST(['a', 'b']) AS x
AI.CLASSIFY  AI.CLASSIFY('x', categories => ['a', 'b'])
AI.EMBED  AI.EMBED('x', endpoint => 'e')
AI.GENERATE  AI.GENERATE('x')
AI.GENERATE_BOOL  AI.GENERATE_BOOL('x')
AI.GENERATE_DOUBLE  AI.GENERATE_DOUBLE('x')
AI.GENERATE_INT  AI.GENERATE_INT('x')
AI.IF  AI.IF('x')
AI.SCORE  AI.SCORE('x')
AI.SIMILARITY  AI.SIMILARITY('x', 'y', endpoint => 'e')
""",
    ),
    Family(
        "object",
        "Functions of object references",
        """
OBJ.FETCH_METADATA  OBJ.FETCH_METADATA(OBJ.MAKE_REF('gs://b/x', 'us.c'))
OBJ.GET_ACCESS_URL  OBJ.GET_ACCESS_URL(OBJ.MAKE_REF('gs://b/x', 'us.c'), 'r')
OBJ.GET_READ_URL  OBJ.GET_READ_URL(OBJ.MAKE_REF('gs://b/x', 'us.c'))
OBJ.MAKE_REF  OBJ.MAKE_REF('gs://b/x', 'us.c')
""",
    ),
)
