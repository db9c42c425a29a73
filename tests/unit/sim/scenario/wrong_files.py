"""Scenario files that are refused: a name, the text, and what the user is told."""

from __future__ import annotations

from typing import NamedTuple


class Wrong(NamedTuple):
    name: str
    text: str
    said: str


WRONG_FILES: tuple[Wrong, ...] = (
    Wrong(
        "not_yaml_list",
        "rules: [1",
        "1:8: this is not valid YAML: the list in [ ] that begins here is not closed, or lacks a comma",
    ),
    Wrong(
        "not_yaml_mapping",
        "clock: {mode: real",
        "1:8: this is not valid YAML: the mapping in { } that begins here is not closed, or lacks a comma",
    ),
    Wrong(
        "colon_in_text",
        "name: a: b",
        "1:8: this is not valid YAML: a ':' cannot stand here; quote text that holds one",
    ),
    Wrong(
        "tab_indent",
        "clock:\n\tmode: real",
        "2:1: this is not valid YAML: no value can start so; indent with spaces, quote text with @, ` or %",
    ),
    Wrong(
        "open_quote",
        "name: 'x",
        "1:7: this is not valid YAML: the quoted text that begins here is not closed",
    ),
    Wrong(
        "dash_in_line",
        "rules: - effect",
        "1:8: this is not valid YAML: a list entry '-' cannot stand here; begin it on its own line",
    ),
    Wrong(
        "bad_indent",
        "clock:\n  mode: real\n scale: 2",
        "3:2: this is not valid YAML: the line does not fit what is above it",
    ),
    Wrong(
        "second_document",
        "name: a\n---\nname: b",
        "2:1: a file holds one document; this is a second one",
    ),
    Wrong(
        "control_character",
        "name: a\x01b",
        "1:8: a control character cannot stand in YAML",
    ),
    Wrong(
        "unknown_alias",
        "rules: *all",
        "1:8: *all names no value that is complete above it",
    ),
    Wrong(
        "alias_in_itself",
        "machines: &m {a: *m}",
        "1:18: *m names no value that is complete above it",
    ),
    Wrong(
        "python_tag",
        "name: !!python/object/apply:os.system [ls]",
        "1:7: tags such as tag:yaml.org,2002:python/object/apply:os.system are not used in scenarios",
    ),
    Wrong(
        "own_tag",
        "name: !secret x",
        "1:7: tags such as !secret are not used in scenarios",
    ),
    Wrong(
        "merge_key",
        "rules:\n- effect: {<<: {}, error: backendError}",
        "2:12: merge keys '<<' are not used here; write the keys out",
    ),
    Wrong(
        "list_as_key",
        "? [a, b]\n: c",
        "1:3: a key is a word, not a list or a mapping",
    ),
    Wrong(
        "root_is_list",
        "- name: a",
        "1:1: expected a scenario as a mapping, not a list",
    ),
    Wrong(
        "root_is_text",
        "hello",
        "1:1: expected a scenario as a mapping, not 'hello'",
    ),
    Wrong(
        "unknown_top_key",
        "rule: []",
        "1:1: unknown key 'rule' of a scenario; did you mean 'rules'?",
    ),
    Wrong(
        "unknown_top_key_far",
        "zzz: 1",
        (
            "1:1: unknown key 'zzz' of a scenario; it can be name, description, seed, clock, "
            "machines, rules, latency, jobs, capacity, slot_work, limits, iam, …"
        ),
    ),
    Wrong(
        "key_twice",
        "name: a\nseed: 1\nname: b",
        "3:1: the key 'name' is written twice; it is on line 1 already",
    ),
    Wrong(
        "name_not_text",
        "name: 12",
        "1:7: expected text, not 12; put it in quotes",
    ),
    Wrong(
        "name_empty",
        "name: ''",
        "1:7: expected a name, not empty text",
    ),
    Wrong(
        "seed_negative",
        "seed: -1",
        "1:7: expected a whole number from 0 to 9223372036854775807, not -1",
    ),
    Wrong(
        "seed_text",
        "seed: abc",
        "1:7: expected a whole number, not 'abc'",
    ),
    Wrong(
        "seed_fraction",
        "seed: 1.5",
        "1:7: expected a whole number, not 1.5",
    ),
    Wrong(
        "seed_huge",
        "seed: 99999999999999999999",
        "1:7: expected a whole number from 0 to 9223372036854775807, not 99999999999999999999",
    ),
    Wrong(
        "clock_word",
        "clock: maunal",
        "1:8: unknown clock mode 'maunal'; did you mean 'manual'?",
    ),
    Wrong(
        "clock_list",
        "clock: [real]",
        "1:8: expected a clock as a mapping, not a list",
    ),
    Wrong(
        "scaled_without_scale",
        "clock: scaled",
        "1:8: the mode 'scaled' needs a 'scale'",
    ),
    Wrong(
        "scale_without_scaled",
        "clock: {mode: manual, scale: 60}",
        "1:30: 'scale' is for the mode 'scaled' only",
    ),
    Wrong(
        "scale_zero",
        "clock: {mode: scaled, scale: 0}",
        "1:30: expected a number above 0, not 0",
    ),
    Wrong(
        "scale_infinite",
        "clock: {mode: scaled, scale: .inf}",
        "1:30: expected a number of at most 1e+18, not inf",
    ),
    Wrong(
        "start_not_time",
        "clock: {start: yesterday}",
        "1:16: expected a time such as '2025-01-31T12:00:00Z', not 'yesterday'",
    ),
    Wrong(
        "unknown_clock_key",
        "clock: {mode: scaled, sclae: 60}",
        "1:23: unknown key 'sclae' of a clock; did you mean 'scale'?",
    ),
    Wrong(
        "rules_not_list",
        "rules: {effect: {error: backendError}}",
        "1:8: expected a list whose entries begin with '-', not a mapping",
    ),
    Wrong(
        "rules_nothing",
        "rules:",
        "1:7: expected a list whose entries begin with '-', not nothing",
    ),
    Wrong(
        "rule_is_text",
        "rules:\n- fail",
        "2:3: expected a rule as a mapping, not 'fail'",
    ),
    Wrong(
        "rule_without_effect",
        "rules:\n- id: a",
        "2:3: a rule needs 'effect'",
    ),
    Wrong(
        "effect_nothing",
        "rules:\n- effect:",
        "2:10: expected an effect, not nothing",
    ),
    Wrong(
        "effect_list",
        "rules:\n- effect: [error]",
        "2:11: expected an effect, not a list",
    ),
    Wrong(
        "effect_empty",
        "rules:\n- effect: {}",
        "2:11: expected an effect, not an empty mapping",
    ),
    Wrong(
        "effect_unknown",
        "rules:\n- effect: {eror: backendError}",
        "2:12: unknown effect 'eror'; did you mean 'error'?",
    ),
    Wrong(
        "effect_unknown_far",
        "rules:\n- effect: {explode: now}",
        (
            "2:12: unknown effect 'explode'; it can be error, grpc, network, delay, insert_errors, "
            "job_state, stale, deny, expire_token, throttle, break_stream, quota"
        ),
    ),
    Wrong(
        "effect_word_unknown",
        "rules:\n- effect: expire_tokens",
        "2:11: unknown effect 'expire_tokens'; did you mean 'expire_token'?",
    ),
    Wrong(
        "effect_word_needs_more",
        "rules:\n- effect: delay",
        "2:11: a delay needs 'latency'",
    ),
    Wrong(
        "effect_number",
        "rules:\n- effect: 5",
        (
            "2:11: unknown effect '5'; it can be error, grpc, network, delay, insert_errors, "
            "job_state, stale, deny, expire_token, throttle, break_stream, quota"
        ),
    ),
    Wrong(
        "two_effects",
        "rules:\n- effect: {error: backendError, delay: 1s}",
        "2:33: an effect is of one kind, not of 'error' and 'delay'",
    ),
    Wrong(
        "effect_key_outside",
        "rules:\n- effect: {error: backendError, level: job}",
        "2:33: 'level' belongs inside 'error': write error: {reason: …, level: …}",
    ),
    Wrong(
        "effect_key_unknown_outside",
        "rules:\n- effect: {error: backendError, levle: job}",
        "2:33: unknown key 'levle' of an error; did you mean 'level'?",
    ),
    Wrong(
        "effect_key_unknown",
        "rules:\n- effect: {error: {reason: backendError, applyed: true}}",
        "2:42: unknown key 'applyed' of an error; did you mean 'applied'?",
    ),
    Wrong(
        "effect_in_rule",
        "rules:\n- error: backendError",
        "2:3: unknown key 'error' of a rule; it belongs in 'effect'",
    ),
    Wrong(
        "match_key_in_rule",
        "rules:\n- effect: {error: backendError}\n  nth: 3",
        "3:3: unknown key 'nth' of a rule; it belongs in 'match'",
    ),
    Wrong(
        "rule_key_in_match",
        "rules:\n- effect: {error: backendError}\n  match: {times: 3}",
        "3:11: unknown key 'times' of a match; it belongs to the rule around it",
    ),
    Wrong(
        "reason_spelling",
        "rules:\n- effect: {error: backendEror}",
        "2:19: unknown error reason 'backendEror'; did you mean 'backendError'?",
    ),
    Wrong(
        "reason_case",
        "rules:\n- effect: {error: backend_error}",
        "2:19: unknown error reason 'backend_error'; did you mean 'backendError'?",
    ),
    Wrong(
        "reason_far",
        "rules:\n- effect: {error: xyzzy}",
        (
            "2:19: unknown error reason 'xyzzy'; it can be accessDenied, attributeError, authError, "
            "backendError, badGateway, badRequest, billingNotEnabled, billingTierLimitExceeded, "
            "blocked, bytesBilledLimitExceeded, conditionNotMet, duplicate, …"
        ),
    ),
    Wrong(
        "reason_number",
        "rules:\n- effect: {error: 503}",
        (
            "2:19: unknown error reason '503'; it can be accessDenied, attributeError, authError, "
            "backendError, badGateway, badRequest, billingNotEnabled, billingTierLimitExceeded, "
            "blocked, bytesBilledLimitExceeded, conditionNotMet, duplicate, …"
        ),
    ),
    Wrong(
        "reason_missing",
        "rules:\n- effect: {error: {level: job}}",
        "2:19: an error needs 'reason'",
    ),
    Wrong(
        "level_word",
        "rules:\n- effect: {error: {reason: backendError, level: jobs}}",
        "2:49: unknown level 'jobs'; did you mean 'job'?",
    ),
    Wrong(
        "http_code",
        "rules:\n- effect: {error: {reason: backendError, http: 99}}",
        "2:48: expected a whole number from 200 to 599, not 99",
    ),
    Wrong(
        "flag_word",
        "rules:\n- effect: {error: {reason: backendError, applied: yes}}",
        "2:51: expected true or false, not 'yes'",
    ),
    Wrong(
        "message_number",
        "rules:\n- effect: {error: {reason: backendError, message: 503}}",
        "2:51: expected text, not 503; put it in quotes",
    ),
    Wrong(
        "grpc_status",
        "rules:\n- effect: {grpc: UNAVAILBLE}",
        "2:18: unknown gRPC status 'UNAVAILBLE'; did you mean 'UNAVAILABLE'?",
    ),
    Wrong(
        "storage_code",
        "rules:\n- effect: {grpc: {status: ABORTED, storage_code: STREAM_FINALISED}}",
        "2:50: unknown storage error code 'STREAM_FINALISED'; did you mean 'STREAM_FINALIZED'?",
    ),
    Wrong(
        "retry_delay",
        "rules:\n- effect: {grpc: {status: ABORTED, retry_delay: 5x}}",
        "2:49: expected a duration such as '90m', '1h30m', '500ms' or 2.5, not '5x'",
    ),
    Wrong(
        "grpc_on_rest",
        "rules:\n- match: {transport: rest}\n  effect: {grpc: ABORTED}",
        "3:11: this effect is for gRPC only, and the rule matches 'rest' only",
    ),
    Wrong(
        "insert_errors_on_grpc",
        "rules:\n- match: {transport: grpc}\n  effect: {insert_errors: 0.5}",
        "3:11: this effect is for REST only, and the rule matches 'grpc' only",
    ),
    Wrong(
        "network_word",
        "rules:\n- effect: {network: rest}",
        "2:21: unknown network fault 'rest'; did you mean 'reset'?",
    ),
    Wrong(
        "network_point",
        "rules:\n- effect: {network: {what: reset, at: headers}}",
        "2:39: unknown point 'headers'; did you mean 'after_headers'?",
    ),
    Wrong(
        "network_byte_without_body",
        "rules:\n- effect: {network: {what: reset, byte: 100}}",
        "2:41: 'byte' counts in the body; add 'at: body'",
    ),
    Wrong(
        "drip_without_rate",
        "rules:\n- effect: {network: drip}",
        "2:21: a drip needs 'bytes_per_s'",
    ),
    Wrong(
        "refused_without_for",
        "rules:\n- effect: {network: refused}",
        "2:21: refused connections need 'for'",
    ),
    Wrong(
        "rate_without_drip",
        "rules:\n- effect: {network: {what: reset, bytes_per_s: 10}}",
        "2:48: 'bytes_per_s' is for 'drip' only",
    ),
    Wrong(
        "for_without_stall",
        "rules:\n- effect: {network: {what: reset, for: 10s}}",
        "2:40: 'for' is for 'stall', 'half_close', 'wrong_length' and 'refused' only",
    ),
    Wrong(
        "duration_word",
        "rules:\n- effect: {delay: soon}",
        "2:19: expected a duration such as '90m', '1h30m', '500ms' or 2.5, not 'soon'",
    ),
    Wrong(
        "duration_unit",
        "rules:\n- effect: {delay: 90 min}",
        "2:19: expected a duration such as '90m', '1h30m', '500ms' or 2.5, not '90 min'",
    ),
    Wrong(
        "duration_negative",
        "rules:\n- effect: {delay: -5s}",
        "2:19: a duration cannot be negative: '-5s'",
    ),
    Wrong(
        "duration_flag",
        "rules:\n- effect: {delay: true}",
        "2:19: expected a duration such as '90m' or 2.5, not true",
    ),
    Wrong(
        "duration_huge",
        "rules:\n- effect: {delay: 200000d}",
        "2:19: the duration '200000d' is longer than 100 years",
    ),
    Wrong(
        "duration_nan",
        "rules:\n- effect: {delay: .nan}",
        "2:19: expected a duration such as '90m' or 2.5, not nan",
    ),
    Wrong(
        "distribution_word",
        "rules:\n- effect: {delay: {lognromal: {median: 1s, sigma: 1}}}",
        "2:20: unknown distribution 'lognromal'; did you mean 'lognormal'?",
    ),
    Wrong(
        "distribution_two",
        "rules:\n- effect: {delay: {latency: {fixed: 1s, uniform: {low: 1, high: 2}}}}",
        "2:41: a distribution is of one kind, not of 'fixed' and 'uniform'",
    ),
    Wrong(
        "distribution_key",
        "rules:\n- effect: {delay: {lognormal: {median: 1s, sigm: 1}}}",
        "2:44: unknown key 'sigm' of a lognormal; did you mean 'sigma'?",
    ),
    Wrong(
        "uniform_reversed",
        "rules:\n- effect: {delay: {uniform: {low: 2s, high: 1s}}}",
        "2:45: 'high' must not be less than 'low'",
    ),
    Wrong(
        "sigma_zero",
        "rules:\n- effect: {delay: {lognormal: {median: 1s, sigma: 0}}}",
        "2:51: expected a number above 0, not 0",
    ),
    Wrong(
        "mixture_empty",
        "rules:\n- effect: {delay: {mixture: []}}",
        "2:29: a mixture needs at least one part",
    ),
    Wrong(
        "quantiles_order",
        "rules:\n- effect: {delay: {quantiles: [{at: 0.9, value: 1s}, {at: 0.5, value: 2s}]}}",
        "2:31: the rows of quantiles must ascend",
    ),
    Wrong(
        "quantiles_single",
        "rules:\n- effect: {delay: {quantiles: [{at: 0.9, value: 1s}]}}",
        "2:31: a table of quantiles needs at least two rows",
    ),
    Wrong(
        "trace_empty",
        "rules:\n- effect: {delay: {trace: []}}",
        "2:27: a trace needs at least one value",
    ),
    Wrong(
        "cap_below_floor",
        (
            "rules:\n"
            "- effect: {delay: {latency: {fixed: 1s, }, phase: run}}\n"
            "latency: {rules: [{latency: {distribution: 1s, floor: 2s, cap: 1s}}]}"
        ),
        "3:64: 'cap' must not be less than 'floor'",
    ),
    Wrong(
        "phase_word",
        "rules:\n- effect: {delay: {latency: 1s, phase: queued}}",
        "2:40: unknown phase 'queued'; did you mean 'queue'?",
    ),
    Wrong(
        "ramp_backwards",
        "latency: {rules: [{latency: {distribution: 1s, ramps: [{from: 2h, until: 1h, factor: 2}]}}]}",
        "1:74: 'until' must be later than 'from'",
    ),
    Wrong(
        "period_overlaps",
        (
            "latency: {rules: [{latency: {distribution: 1s, schedule: [{from: 1h, until: 3h, every: "
            "2h, factor: 2}]}}]}"
        ),
        "1:88: 'every' must not be shorter than 'until'",
    ),
    Wrong(
        "latency_preset",
        "latency: bigquery-2026-8",
        "1:10: unknown latency preset 'bigquery-2026-8'; did you mean 'bigquery-2026-08'?",
    ),
    Wrong(
        "correlation_range",
        "latency: {rules: [{latency: {distribution: 1s, correlation: 1.5}}]}",
        "1:61: expected a share between 0 and 1, not 1.5",
    ),
    Wrong(
        "insert_errors_both",
        "rules:\n- effect: {insert_errors: {share: 0.5, indexes: [1]}}",
        "2:49: 'share' and 'indexes' contradict each other; use one",
    ),
    Wrong(
        "insert_errors_none",
        "rules:\n- effect: {insert_errors: {reason: invalid}}",
        "2:27: insert_errors needs 'share' or 'indexes'",
    ),
    Wrong(
        "index_negative",
        "rules:\n- effect: {insert_errors: {indexes: [0, -1]}}",
        "2:41: expected a whole number of at least 0, not -1",
    ),
    Wrong(
        "job_outcome",
        "rules:\n- effect: {job_state: cancel_win}",
        "2:23: unknown job outcome 'cancel_win'; did you mean 'cancel_wins'?",
    ),
    Wrong(
        "hold_without_end",
        "rules:\n- effect: {job_state: hold}",
        "2:23: a job on hold needs 'for' or 'polls'",
    ),
    Wrong(
        "hold_both",
        "rules:\n- effect: {job_state: {outcome: hold, for: 1s, polls: 2}}",
        "2:55: 'for' and 'polls' contradict each other; use one",
    ),
    Wrong(
        "fail_without_reason",
        "rules:\n- effect: {job_state: fail}",
        "2:23: a job that fails needs a 'reason'",
    ),
    Wrong(
        "reason_without_fail",
        "rules:\n- effect: {job_state: {outcome: stuck, reason: timeout}}",
        "2:48: 'reason' and 'message' are for 'fail' only",
    ),
    Wrong(
        "progress_without_progression",
        "rules:\n- effect: {job_state: progress}",
        "2:23: 'progress' needs a 'progression'",
    ),
    Wrong(
        "progression_without_progress",
        "rules:\n- effect: {job_state: {outcome: stuck, progression: manual}}",
        "2:53: 'progression' is for 'progress' only",
    ),
    Wrong(
        "stuck_for",
        "rules:\n- effect: {job_state: {outcome: stuck, for: 1s}}",
        "2:45: 'for' and 'polls' are for 'hold' only",
    ),
    Wrong(
        "job_state_word",
        "rules:\n- effect: {job_state: {outcome: stuck, state: WAITING}}",
        "2:47: unknown job state 'WAITING'; it can be PENDING, RUNNING, DONE",
    ),
    Wrong(
        "stale_word",
        "rules:\n- effect: {stale: {lag: 5s, what: metadat}}",
        "2:35: unknown view 'metadat'; did you mean 'metadata'?",
    ),
    Wrong(
        "throttle_range",
        "rules:\n- effect: {throttle: 101}",
        "2:22: expected a percentage between 0 and 100, not 101",
    ),
    Wrong(
        "break_stream_rows",
        "rules:\n- effect: {break_stream: -1}",
        "2:26: expected a whole number of at least 0, not -1",
    ),
    Wrong(
        "probability_high",
        "rules:\n- effect: expire_token\n  match: {probability: 1.5}",
        "3:24: expected a share between 0 and 1, not 1.5",
    ),
    Wrong(
        "probability_percent",
        "rules:\n- effect: expire_token\n  match: {probability: 5%}",
        "3:24: expected a number, not '5%'",
    ),
    Wrong(
        "probability_zero",
        "rules:\n- effect: expire_token\n  match: {probability: 0}",
        "3:24: with a probability of 0 the rule never fires",
    ),
    Wrong(
        "nth_zero",
        "rules:\n- effect: expire_token\n  match: {nth: [0, 1]}",
        "3:17: expected a whole number of at least 1, not 0",
    ),
    Wrong(
        "nth_text",
        "rules:\n- effect: expire_token\n  match: {nth: first}",
        "3:16: expected a whole number, not 'first'",
    ),
    Wrong(
        "nth_and_every",
        "rules:\n- effect: expire_token\n  match: {nth: 2, every: 3}",
        "3:26: 'every' and 'nth' contradict each other; use one",
    ),
    Wrong(
        "nth_beyond_max",
        "rules:\n- effect: expire_token\n  match: {nth: 5, max_calls: 3}",
        "3:30: 'nth' lies beyond 'max_calls', so it is never reached",
    ),
    Wrong(
        "every_beyond_max",
        "rules:\n- effect: expire_token\n  match: {every: 5, max_calls: 3}",
        "3:32: 'every' lies beyond 'max_calls', so it is never reached",
    ),
    Wrong(
        "times_beyond_nth",
        "rules:\n- effect: expire_token\n  match: {nth: [1, 2]}\n  times: 3",
        "4:10: 'times' is more than 'nth' allows",
    ),
    Wrong(
        "times_zero",
        "rules:\n- effect: expire_token\n  times: 0",
        "3:10: expected a whole number of at least 1, not 0",
    ),
    Wrong(
        "ttl_bad",
        "rules:\n- effect: expire_token\n  ttl: 1hour",
        "3:8: expected a duration such as '90m', '1h30m', '500ms' or 2.5, not '1hour'",
    ),
    Wrong(
        "window_backwards",
        "rules:\n- effect: expire_token\n  match: {window: {from: 1h, until: 30m}}",
        "3:37: 'until' must be later than 'from'",
    ),
    Wrong(
        "window_text",
        "rules:\n- effect: expire_token\n  match: {window: 1h}",
        "3:19: expected a window as a mapping, not '1h'",
    ),
    Wrong(
        "window_key",
        "rules:\n- effect: expire_token\n  match: {window: {form: 1h}}",
        "3:20: unknown key 'form' of a window; did you mean 'from'?",
    ),
    Wrong(
        "transport_word",
        "rules:\n- effect: expire_token\n  match: {transport: [rest, http]}",
        "3:29: unknown transport 'http'; it can be rest, grpc",
    ),
    Wrong(
        "method_unknown",
        "rules:\n- effect: expire_token\n  match: {method: bigquery.job.insert}",
        "3:19: no API method matches 'bigquery.job.insert'; did you mean 'bigquery.jobs.insert'?",
    ),
    Wrong(
        "method_list_in_list",
        "rules:\n- effect: expire_token\n  match: {method: [[bigquery.jobs.get]]}",
        "3:20: expected one pattern, not a list",
    ),
    Wrong(
        "glob_open",
        "rules:\n- effect: expire_token\n  match: {resource: 'projects/[ab'}",
        "3:21: the pattern 'projects/[ab' has a '[' without its ']'",
    ),
    Wrong(
        "regex_bad",
        "rules:\n- effect: expire_token\n  match: {sql: 'SELECT (1'}",
        "3:16: 'SELECT (1' is not a regular expression: missing ), unterminated subpattern at position 7",
    ),
    Wrong(
        "job_type_word",
        "rules:\n- effect: expire_token\n  match: {job_type: QUREY}",
        "3:21: unknown job type 'QUREY'; did you mean 'QUERY'?",
    ),
    Wrong(
        "statement_type_word",
        "rules:\n- effect: expire_token\n  match: {statement_type: SELCT}",
        "3:27: unknown statement type 'SELCT'; did you mean 'SELECT'?",
    ),
    Wrong(
        "statement_of_load",
        "rules:\n- effect: expire_token\n  match: {job_type: LOAD, sql: x}",
        "3:32: only jobs of type QUERY have a statement; 'job_type' excludes them",
    ),
    Wrong(
        "offsets_both",
        "rules:\n- effect: expire_token\n  match: {offset_rows: 1, offset_bytes: 2}",
        "3:24: 'offset_rows' and 'offset_bytes' contradict each other; use one",
    ),
    Wrong(
        "labels_list",
        "rules:\n- effect: expire_token\n  match: {labels: [team]}",
        "3:19: expected a mapping, not a list",
    ),
    Wrong(
        "label_number",
        "rules:\n- effect: expire_token\n  match: {labels: {tries: 3}}",
        "3:27: expected text, not 3; put it in quotes",
    ),
    Wrong(
        "id_twice",
        "rules:\n- id: a\n  effect: expire_token\n- id: a\n  effect: expire_token",
        "4:7: another rule on line 2 has the id 'a'",
    ),
    Wrong(
        "machine_unknown",
        "machines: {region: up}\nrules:\n- effect: expire_token\n  match: {machine: {regoin: up}}",
        "4:20: unknown machine 'regoin'; did you mean 'region'?",
    ),
    Wrong(
        "machine_undeclared",
        "rules:\n- effect: expire_token\n  set: {region: down}",
        "3:8: unknown machine 'region'; declare it under 'machines'",
    ),
    Wrong(
        "state_unknown",
        (
            "machines: {region: up}\n"
            "rules:\n"
            "- effect: expire_token\n"
            "  set: {region: down}\n"
            "- effect: expire_token\n"
            "  match: {machine: {region: dwn}}"
        ),
        "6:20: no rule sets the machine 'region' to 'dwn'; did you mean 'down'?",
    ),
    Wrong(
        "machine_twice",
        "machines: {region: up, region: down}",
        "1:24: the key 'region' is written twice; it is on line 1 already",
    ),
    Wrong(
        "iam_role",
        "iam: {bindings: [{role: roles/bigquery.dataViewr, members: allUsers}]}",
        "1:25: unknown role 'roles/bigquery.dataViewr'; did you mean 'roles/bigquery.dataViewer'?",
    ),
    Wrong(
        "iam_role_of_nobody",
        "iam: {bindings: [{role: loader, members: allUsers}]}",
        "1:17: a role is neither predefined ('roles/…') nor one of those under 'roles'",
    ),
    Wrong(
        "iam_roles_predefined",
        "iam: {roles: {roles/mine: [bigquery.jobs.create]}}",
        "1:14: names that begin with 'roles/' are predefined; choose another",
    ),
    Wrong(
        "iam_policy_twice",
        "iam: {policy: policy.yaml, bindings: [{role: roles/viewer, members: allUsers}]}",
        "1:15: 'policy' names a file: write the policy there, or all of it here",
    ),
    Wrong(
        "iam_auth",
        "iam: {auth: jwtt}",
        "1:13: unknown auth mode 'jwtt'; did you mean 'jwt'?",
    ),
    Wrong(
        "iam_member",
        "iam: {bindings: [{role: roles/viewer, members: 'usr:a@b.c'}]}",
        "1:48: unknown kind of member 'usr'; did you mean 'user'?",
    ),
    Wrong(
        "iam_resource",
        "iam: {bindings: [{role: roles/viewer, members: allUsers, resource: p.d}]}",
        "1:68: resource 'p.d' is no path such as 'projects/p/datasets/d/tables/t', nor '*'",
    ),
    Wrong(
        "iam_group",
        "iam: {groups: {team: []}}",
        "1:16: 'group:team' needs an e-mail address after 'group:'",
    ),
    Wrong(
        "iam_permission",
        "iam: {deny: [{permissions: bigquery.tables.gte, principals: allUsers}]}",
        "1:28: unknown permission 'bigquery.tables.gte'; did you mean 'bigquery.tables.get'?",
    ),
    Wrong(
        "limits_profile",
        "limits: bigqery",
        "1:9: unknown limits profile 'bigqery'; did you mean 'bigquery'?",
    ),
    Wrong(
        "limits_scale_off",
        "limits: {scale: 0.01}",
        "1:17: limits are off; name a 'profile'",
    ),
    Wrong(
        "limit_name",
        "limits: {profile: bigquery, values: {concurent_queries: 1}}",
        "1:37: unknown limit 'concurent_queries'; did you mean 'concurrent_queries'?",
    ),
    Wrong(
        "limit_name_of_tenant",
        "limits: {profile: bigquery, tenants: {p: {concurent_queries: 1}}}",
        "1:38: unknown limit 'concurent_queries'; did you mean 'concurrent_queries'?",
    ),
    Wrong(
        "limit_name_of_rule",
        "rules:\n- effect: {quota: concurent_queries}",
        "2:19: unknown limit 'concurent_queries'; did you mean 'concurrent_queries'?",
    ),
    Wrong(
        "job_error_on_grpc",
        "rules:\n- match: {transport: grpc}\n  effect: {error: {reason: timeout, level: job}}",
        "3:11: jobs are started by REST calls, and the rule matches 'grpc' only",
    ),
    Wrong(
        "limits_value",
        "limits: {profile: bigquery, values: {a: -1}}",
        "1:41: expected a number of at least 0, not -1",
    ),
    Wrong(
        "script_back",
        "jobs:\n- progression: {script: [{state: RUNNING, polls: 1}, {state: PENDING, polls: 1}]}",
        "2:25: a job goes from PENDING to RUNNING to DONE, never back",
    ),
    Wrong(
        "script_empty",
        "jobs:\n- progression: {script: []}",
        "2:25: a script needs at least one step",
    ),
    Wrong(
        "script_after_done",
        "jobs:\n- progression: {script: [{state: DONE}, {state: DONE}]}",
        "2:25: nothing comes after the state DONE",
    ),
    Wrong(
        "script_step_without_end",
        "jobs:\n- progression: {script: [{state: RUNNING}]}",
        "2:34: the step needs 'for' or 'polls'",
    ),
    Wrong(
        "progression_word",
        "jobs:\n- progression: manuel",
        "2:16: unknown progression 'manuel'; did you mean 'manual'?",
    ),
    Wrong(
        "several",
        "seed: x\nclock: scald\nrules:\n- effect: {error: backendEror}\n  times: 0\n- id: b",
        (
            "1:7: expected a whole number, not 'x'\n"
            "2:8: unknown clock mode 'scald'; did you mean 'scaled'?\n"
            "4:19: unknown error reason 'backendEror'; did you mean 'backendError'?\n"
            "5:10: expected a whole number of at least 1, not 0\n"
            "6:3: a rule needs 'effect'"
        ),
    ),
)
