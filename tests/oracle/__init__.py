"""The oracle: generated expressions and queries run in the engine and in GoogleSQL's own evaluator."""
