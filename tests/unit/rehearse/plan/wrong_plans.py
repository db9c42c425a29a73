"""Plans that are refused, by name; what the user is told is in ``refusals.txt``."""

from __future__ import annotations

from typing import NamedTuple


class Wrong(NamedTuple):
    name: str
    text: str


# A workload that is right, on one line, for plans that are wrong elsewhere.
JOBS = "workload: [{origin: {generated: {arrivals: {poisson: 60}, mix: [{slot_time: 60s}]}}}]\n"


def _capacity(lines: str) -> str:
    return JOBS + "capacity:\n" + lines


def _part(lines: str) -> str:
    return "workload:\n- origin:\n    generated:\n" + lines


def _stream(text: str, more: str = "") -> str:
    return f"{more}\nstreams:\n- {{{text}}}\n"


_MIX = "      mix: [{slot_time: 1s}]\n"

WRONG_PLANS: tuple[Wrong, ...] = (
    Wrong("empty", ""),
    Wrong("not_yaml", "workload: ["),
    Wrong("a_list", "- workload"),
    Wrong("no_parts", "workload: []"),
    Wrong("unknown_key", JOBS + "objektives: []"),
    Wrong("unknown_key_elsewhere", JOBS + "slot_capacity: 500"),
    Wrong("key_twice", JOBS + "seed: 1\nseed: 2"),
    Wrong("part_of_two_origins", "workload: [{origin: {history: a.json, cassette: b}}]"),
    Wrong("part_without_origin", "workload: [{name: a}]"),
    Wrong("unknown_origin", "workload: [{origin: {generate: {}}}]"),
    Wrong("unknown_arrivals", _part("      arrivals: {poison: 60}\n" + _MIX)),
    Wrong("negative_rate", _part("      arrivals: {poisson: -1}\n" + _MIX)),
    Wrong("no_mix", _part("      arrivals: {poisson: 60}\n      mix: []\n")),
    Wrong("no_phases", _part("      arrivals: {mmpp: []}\n" + _MIX)),
    Wrong("silent_phases", _part("      arrivals: {mmpp: [{per_hour: 0, lasts: 1h}]}\n" + _MIX)),
    Wrong("phase_of_no_time", _part("      arrivals: {mmpp: [{per_hour: 9, lasts: 0}]}\n" + _MIX)),
    Wrong("hours_too_few", _part("      arrivals: {diurnal: {per_hour: 9, hours: [1, 2]}}\n" + _MIX)),
    Wrong(
        "days_all_zero",
        _part("      arrivals: {diurnal: {per_hour: 9, days: [0, 0, 0, 0, 0, 0, 0]}}\n" + _MIX),
    ),
    Wrong("peak_at_25", _part("      arrivals: {diurnal: {per_hour: 9, peak_hour: 25}}\n" + _MIX)),
    Wrong(
        "peak_with_hours",
        _part(
            "      arrivals:\n        diurnal:\n          per_hour: 9\n"
            f"          hours: [{', '.join('1' * 24)}]\n          peak_hour: 3\n" + _MIX
        ),
    ),
    Wrong("bursts_always", _part("      arrivals: {bursts: {size: 9, every: 0}}\n" + _MIX)),
    Wrong("burst_longer", _part("      arrivals: {bursts: {size: 9, every: 1h, spread: 2h}}\n" + _MIX)),
    Wrong("no_thinking", _part("      arrivals: {closed: {users: 2, think: 0s}}\n" + _MIX)),
    Wrong("too_many_users", _part("      arrivals: {closed: {users: 1000001, think: 1s}}\n" + _MIX)),
    Wrong(
        "too_many_users_with_times",
        _part("      arrivals: {closed: {users: 600000, think: 1s}}\n" + _MIX)
        + "grid: {workload.times: [1, 2]}",
    ),
    Wrong("no_users", _part("      arrivals: {closed: {users: 0, think: 1s}}\n" + _MIX)),
    Wrong(
        "kinds_of_one_name",
        _part(
            "      arrivals: {poisson: 60}\n      mix:\n      - {slot_time: 1s}\n      - {slot_time: 2s}\n"
        ),
    ),
    Wrong("no_slot_time", _part("      arrivals: {poisson: 60}\n      mix: [{name: a}]\n")),
    Wrong("wrong_duration", _part("      arrivals: {poisson: 60}\n      mix: [{slot_time: 1 parsec}]\n")),
    Wrong(
        "percentiles_that_no_gamma_has",
        _part("      arrivals: {poisson: 60}\n      mix: [{slot_time: {gamma: {p50: 10s, p99: 5s}}}]\n"),
    ),
    Wrong(
        "stage_waits_for_itself",
        _part(
            "      arrivals: {poisson: 60}\n      mix:\n      - slot_time: 1s\n        stages:\n"
            "        - {share: 1}\n        - {share: 1, after: [2]}\n"
        ),
    ),
    Wrong("all_fail", _part("      arrivals: {poisson: 60}\n      mix: [{slot_time: 1s, failing: 1}]\n")),
    Wrong("timeout_0", _part("      arrivals: {poisson: 60}\n      mix: [{slot_time: 1s, timeout: 0}]\n")),
    Wrong(
        "job_of_no_reservation",
        _part("      arrivals: {poisson: 60}\n      mix: [{slot_time: 1s, reservation: elt}]\n")
        + "capacity: {reservations: {etl: {slot_capacity: 100}}}",
    ),
    Wrong("parts_of_one_name", "workload:\n- origin: {history: a.json}\n- origin: {history: b.json}\n"),
    Wrong("file_that_is_not_there", "workload: [{origin: {history: [jobs.json]}}]"),
    Wrong("cassette_that_is_not_there", "workload: [{origin: {cassette: jobs.bqc}}]"),
    Wrong("no_files", "workload: [{origin: {history: []}}]"),
    Wrong(
        "change_of_nobody", JOBS.replace("}]}}}]", "}]}}, changes: [{of: {project: projekt}, shift: 1h}]}]")
    ),
    Wrong(
        "change_of_no_label",
        JOBS.replace("}]}}}]", "}]}}, changes: [{of: {labels: {team: bi}}, times: 2}]}]"),
    ),
    Wrong("change_to_no_reservation", JOBS.replace("}]}}}]", "}]}}, changes: [{reservation: etl}]}]")),
    Wrong("zero_jobs", JOBS.replace("poisson: 60", "poisson: 0.001")),
    Wrong("zero_times", JOBS.replace("}]}}}]", "}]}}, changes: [{times: 0}]}]")),
    Wrong("too_many_jobs", JOBS.replace("poisson: 60", "poisson: 1e12")),
    Wrong("all_warm_up", JOBS + "warm_up: 1d"),
    Wrong("days_0", JOBS + "days: 0"),
    Wrong("negative_baseline", _capacity("  reservations: {etl: {slot_capacity: -100}}")),
    Wrong("half_a_slot", _capacity("  reservations: {etl: {slot_capacity: 100.5}}")),
    Wrong("baseline_120", _capacity("  reservations: {etl: {slot_capacity: 120}}")),
    Wrong("slots_without_end", _capacity("  reservations: {etl: {slot_capacity: 1000000000000}}")),
    Wrong("committed_without_end", _capacity("  commitments: [{slots: 1000000000000}]")),
    Wrong(
        "assignment_of_a_pattern",
        _capacity(
            "  reservations: {a: {slot_capacity: 50}}\n  assignments: [{reservation: a, project: eu-*}]"
        ),
    ),
    Wrong("autoscale_75", _capacity("  reservations: {etl: {autoscale_max_slots: 75}}")),
    Wrong("name_in_capitals", _capacity("  reservations: {ETL_1: {slot_capacity: 100}}")),
    Wrong("reservation_none", _capacity("  reservations: {none: {slot_capacity: 100}}")),
    Wrong("unknown_edition", _capacity("  reservations: {etl: {edition: ENTERPRISEPLUS}}")),
    Wrong("max_without_mode", _capacity("  reservations: {etl: {slot_capacity: 100, max_slots: 200}}")),
    Wrong("mode_without_max", _capacity("  reservations: {etl: {scaling_mode: ALL_SLOTS}}")),
    Wrong(
        "max_below_baseline",
        _capacity("  reservations: {etl: {slot_capacity: 500, max_slots: 400, scaling_mode: ALL_SLOTS}}"),
    ),
    Wrong(
        "max_between_steps",
        _capacity("  reservations: {etl: {slot_capacity: 500, max_slots: 630, scaling_mode: ALL_SLOTS}}"),
    ),
    Wrong(
        "max_and_autoscale",
        _capacity(
            "  reservations:\n    etl: {max_slots: 400, scaling_mode: ALL_SLOTS, autoscale_max_slots: 100}"
        ),
    ),
    Wrong(
        "mode_against_idle",
        _capacity(
            "  reservations:\n    etl: {max_slots: 400, scaling_mode: ALL_SLOTS, ignore_idle_slots: true}"
        ),
    ),
    Wrong(
        "mode_needs_ignoring",
        _capacity(
            "  reservations:\n"
            "    etl: {max_slots: 400, scaling_mode: AUTOSCALE_ONLY, ignore_idle_slots: false}"
        ),
    ),
    Wrong("standard_baseline", _capacity("  reservations: {etl: {edition: STANDARD, slot_capacity: 100}}")),
    Wrong(
        "standard_too_large",
        _capacity("  reservations: {etl: {edition: STANDARD, autoscale_max_slots: 2000}}"),
    ),
    Wrong(
        "standard_shares",
        _capacity(
            "  reservations:\n"
            "    etl: {edition: STANDARD, autoscale_max_slots: 100, ignore_idle_slots: false}"
        ),
    ),
    Wrong(
        "standard_idle_mode",
        _capacity("  reservations: {etl: {edition: STANDARD, max_slots: 100, scaling_mode: ALL_SLOTS}}"),
    ),
    Wrong(
        "standard_concurrency",
        _capacity(
            "  reservations:\n"
            "    etl: {edition: STANDARD, autoscale_max_slots: 100, target_job_concurrency: 5}"
        ),
    ),
    Wrong(
        "eleven_standard",
        _capacity(
            "  reservations:\n"
            + "".join(f"    r{n}: {{edition: STANDARD, autoscale_max_slots: 100}}\n" for n in range(11))
        ),
    ),
    Wrong("commitment_75", _capacity("  commitments: [{slots: 75}]")),
    Wrong("commitment_standard", _capacity("  commitments: [{slots: 100, edition: STANDARD}]")),
    Wrong("commitment_plan", _capacity("  commitments: [{slots: 100, plan: FLEX}]")),
    Wrong(
        "assignment_of_no_reservation",
        _capacity(
            "  reservations: {dashboards: {slot_capacity: 100}}\n"
            "  assignments: [{reservation: dashbords, project: bi}]"
        ),
    ),
    Wrong("assignment_without_any", _capacity("  assignments: [{reservation: etl}]")),
    Wrong(
        "assignment_of_no_folder",
        _capacity("  folders: {finance: [fin-*]}\n  assignments: [{reservation: none, folder: finanse}]"),
    ),
    Wrong(
        "assignment_twice",
        _capacity(
            "  reservations: {a: {slot_capacity: 100}, b: {slot_capacity: 100}}\n"
            "  assignments:\n  - {reservation: a, project: p}\n  - {reservation: b, project: p}"
        ),
    ),
    Wrong(
        "assignment_of_two",
        _capacity(
            "  folders: {f: [p]}\n  assignments: [{reservation: none, project: p, folder: f}]",
        ),
    ),
    Wrong(
        "assignment_to_standard",
        _capacity(
            "  reservations: {s: {edition: STANDARD, autoscale_max_slots: 100}}\n"
            "  assignments: [{reservation: s, job_type: BACKGROUND}]"
        ),
    ),
    Wrong(
        "continuous_too_large",
        _capacity(
            "  reservations: {c: {slot_capacity: 600}}\n"
            "  assignments: [{reservation: c, job_type: CONTINUOUS}]"
        ),
    ),
    Wrong("cap_of_nothing", _capacity("  reservations: {a: {slot_capacity: 100, projects: {p: {}}}}")),
    Wrong("less_for_all", _capacity("  on_demand: {project_slots: 3000, organization_slots: 2000}")),
    Wrong("queue_timeout", _capacity("  queues: {interactive_timeout: -2}")),
    Wrong("price_of_no_region", _capacity("  reservations: {a: {slot_capacity: 100, location: mars}}")),
    Wrong("on_demand_nowhere", JOBS + "money: {region: mars}"),
    Wrong("price_of_no_day", JOBS + "money: {on: tomorrow}"),
    Wrong("free_beyond_all", JOBS + "money: {free: 2}"),
    Wrong("free_of_what", JOBS + "money: {free: 1 TiB}"),
    Wrong("spend_of_less_than_nothing", JOBS + "money: {spend_commitments: [{per_hour: -1}]}"),
    Wrong("spend_without_money", JOBS + "money: {spend_commitments: [{plan: ANNUAL}]}"),
    Wrong("spend_for_a_month", JOBS + "money: {spend_commitments: [{per_hour: 1, plan: MONTHLY}]}"),
    Wrong("grid_of_money", JOBS + "money: {region: US}\ngrid: {money.region: [US, EU]}"),
    Wrong("grid_of_no_spend", JOBS + "grid: {money.spend_commitments.1.per_hour: [1, 2]}"),
    Wrong(
        "grid_of_less_than_nothing",
        JOBS + "money: {spend_commitments: [{per_hour: 1}]}\n"
        "grid: {money.spend_commitments.1.per_hour: [1, -2]}",
    ),
    Wrong("prices_not_there", JOBS + "money: {files: [prices.yaml]}"),
    Wrong("grid_from_nowhere", JOBS + "grid: {reservation.etl.slot_capacity: [100]}"),
    Wrong("grid_of_no_reservation", JOBS + "grid: {reservations.etl.slot_capacity: [100]}"),
    Wrong(
        "grid_of_no_key",
        _capacity("  reservations: {etl: {slot_capacity: 100}}\ngrid: {reservations.etl.slots: [100]}"),
    ),
    Wrong(
        "grid_of_many_values",
        _capacity("  reservations: {etl: {slot_capacity: 100}}\ngrid: {reservations.etl: [100]}"),
    ),
    Wrong(
        "grid_beyond_a_list", _capacity("  commitments: [{slots: 100}]\ngrid: {commitments.2.slots: [100]}")
    ),
    Wrong(
        "grid_below_a_value",
        _capacity(
            "  reservations: {etl: {slot_capacity: 100}}\ngrid: {reservations.etl.slot_capacity.x: [1]}"
        ),
    ),
    Wrong("grid_wrong_value", JOBS + "grid: {retries.attempts: [1, many]}"),
    Wrong("grid_same_value", JOBS + "grid: {retries.attempts: [1, 1]}"),
    Wrong("grid_no_value", JOBS + "grid: {retries.attempts: []}"),
    Wrong("grid_no_jobs", JOBS + "grid: {workload.times: [0, 1]}"),
    Wrong(
        "grid_same_path", JOBS + "grid: {queues.interactive: [10, 20], capacity.queues.interactive: [30, 40]}"
    ),
    Wrong(
        "grid_too_large",
        JOBS
        + "grid:\n"
        + "".join(
            f"  queues.{key}: [{', '.join(map(str, range(40)))}]\n" for key in ("interactive", "batch")
        ),
    ),
    Wrong(
        "grid_makes_it_wrong",
        _capacity("  reservations: {etl: {slot_capacity: 100, autoscale_max_slots: 100}}\n")
        + "grid:\n  reservations.etl.autoscale_max_slots: [100, 120]\n  retries.attempts: [1, 2]\n",
    ),
    Wrong(
        "setting_makes_it_wrong",
        _capacity("  reservations: {etl: {slot_capacity: 100}}\n")
        + "settings:\n  cheap: {reservations.etl.edition: STANDARD}\n",
    ),
    Wrong("grid_of_another_origin", JOBS + "grid: {workload.workload.origin.history.files: [a]}"),
    Wrong("grid_of_no_part", JOBS + "grid: {workload.etl.changes.1.shift: [1h]}"),
    Wrong("label_of_no_key", JOBS + "group_by: label"),
    Wrong("key_of_no_label", JOBS + "group_label: team"),
    Wrong("unknown_grouping", JOBS + "group_by: team"),
    Wrong("objective_of_nothing", JOBS + "objectives: [{name: fast}]"),
    Wrong("objective_of_two", JOBS + "objectives: [{within: 1s, starts_within: 1s}]"),
    Wrong("objectives_of_one_name", JOBS + "objectives:\n- {within: 1s}\n- {within: 2s}\n"),
    Wrong("objective_above_1", JOBS + "objectives: [{within: 1s, share: 95}]"),
    Wrong("objective_of_no_group", JOBS + "group_by: project\nobjectives: [{group: bi, within: 1s}]"),
    Wrong("threshold_of_nothing", JOBS + "thresholds: [{group: all}]"),
    Wrong("threshold_of_groups", JOBS + "thresholds: [{group: bi, p95_duration: 1s}]"),
    Wrong(
        "threshold_of_no_group", JOBS + "group_by: project\nthresholds: [{group: projekt, p95_duration: 1s}]"
    ),
    Wrong("threshold_unknown", JOBS + "thresholds: [{p95_durations: 1s}]"),
    Wrong("threshold_of_no_objective", JOBS + "thresholds: [{misses: 0.05}]"),
    Wrong("threshold_of_slots", JOBS + "thresholds: [{group: all, least_utilisation: 0.5}]"),
    Wrong(
        "threshold_of_no_setting",
        JOBS + "settings: {bigger: {retries.attempts: 5}}\nthresholds: [{setting: biger, p95_duration: 1s}]",
    ),
    Wrong("waits_become_shorter", JOBS + "retries: {attempts: 3, factor: 0.5}"),
    Wrong("longest_wait", JOBS + "retries: {attempts: 3, first: 1m}"),
    Wrong("selection_that_is_a_word", JOBS.replace("}]}}}]", "}]}}, changes: [{of: etl, times: 2}]}]")),
    Wrong(
        "half_a_distribution",
        _part("      arrivals: {poisson: 60}\n      mix: [{slot_time: {lognormal: {p50: 10s}}}]\n"),
    ),
    Wrong(
        "half_a_mixture",
        _part(
            "      arrivals: {poisson: 60}\n"
            "      mix: [{slot_time: {mixture: [{weight: 1, of: {gamma: {mean: 1s}}}]}}]\n"
        ),
    ),
    Wrong(
        "no_gamma_goes_through",
        _part(
            "      arrivals: {poisson: 60}\n      mix: [{slot_time: {gamma: {p50: 1000s, p95: 1000.001s}}}]\n"
        ),
    ),
    Wrong("change_of_too_many", JOBS.replace("}]}}}]", "}]}}, changes: [{times: 1e9}]}]")),
    Wrong("grid_of_too_many_times", JOBS + "grid: {workload.times: [1, 1e9]}"),
    Wrong(
        "grid_of_too_many_jobs",
        JOBS.replace("poisson: 60", "poisson: 60e6") + "grid: {workload.times: [1, 2]}",
    ),
    Wrong("grid_of_no_jobs", JOBS + "grid: {workload.times: [0.0001, 1]}"),
    Wrong("all_slot_time_uncertain", JOBS + "uncertainty: {work: 1}"),
    Wrong("uncertainty_in_percent", JOBS + "uncertainty: {work: 20}"),
    Wrong("uncertainty_unknown", JOBS + "uncertainty: {slots: 0.2}"),
    Wrong("too_many_seeds", JOBS + "uncertainty: {seeds: 101}"),
    Wrong(
        "too_many_simulations",
        JOBS + f"grid: {{retries.attempts: {[*range(1, 201)]}}}\nuncertainty: {{work: 0.1, seeds: 50}}",
    ),
    Wrong("stream_without_rate", _stream("row_bytes: 10")),
    Wrong("stream_of_two_rates", _stream("row_bytes: 10, rows: {constant: 1}, bytes: {constant: 1}")),
    Wrong("stream_without_size", _stream("rows: {constant: 1}")),
    Wrong("stream_of_empty_rows", _stream("row_bytes: 0, rows: {constant: 1}")),
    Wrong("stream_of_negative_sizes", _stream("row_bytes: -1, connection_rate: -2, rows: {constant: 1}")),
    Wrong(
        "stream_of_endless_requests",
        _stream(f"row_bytes: 5, rows_per_request: {'9' * 400}, rows: {{constant: 1}}"),
    ),
    Wrong("stream_of_endless_rows", _stream(f"row_bytes: {'9' * 400}, rows: {{constant: 1}}")),
    Wrong("stream_of_a_size_in_words", _stream("row_bytes: 1 kilo, rows: {constant: 1}")),
    Wrong("unknown_stream_method", _stream("method: insert_all, row_bytes: 1, rows: {constant: 1}")),
    Wrong("unknown_stream_rate", _stream("row_bytes: 1, rows: {poisson: 1}")),
    Wrong("unknown_stream_key", _stream("row_bytes: 1, rows: {constant: 1}, row_per_request: 1")),
    Wrong("stream_by_no_rate", _stream("row_bytes: 1, rows: {constant: 0}")),
    Wrong("stream_without_phases", _stream("row_bytes: 1, rows: {mmpp: []}")),
    Wrong("stream_of_silent_phases", _stream("row_bytes: 1, rows: {mmpp: [{per_s: 0, lasts: 1m}]}")),
    Wrong("stream_of_short_phases", _stream("row_bytes: 1, rows: {mmpp: [{per_s: 5, lasts: 10ms}]}")),
    Wrong("stream_of_few_hours", _stream("row_bytes: 1, rows: {diurnal: {per_s: 5, hours: [1, 2]}}")),
    Wrong(
        "stream_of_no_days", _stream("row_bytes: 1, rows: {diurnal: {per_s: 5, days: [0, 0, 0, 0, 0, 0, 0]}}")
    ),
    Wrong("stream_with_its_peak_at_24", _stream("row_bytes: 1, rows: {diurnal: {per_s: 5, peak_hour: 24}}")),
    Wrong("stream_of_fast_bursts", _stream("row_bytes: 1, rows: {bursts: {size: 5, every: 100ms}}")),
    Wrong("stream_of_long_bursts", _stream("row_bytes: 1, rows: {bursts: {size: 5, every: 1m, spread: 2m}}")),
    Wrong(
        "insert_all_with_connections",
        _stream("method: insertAll, row_bytes: 1, rows: {constant: 1}, connections: 2"),
    ),
    Wrong("ids_without_insert_all", _stream("row_bytes: 1, rows: {constant: 1}, insert_ids: true")),
    Wrong("pending_without_commits", _stream("method: pending, row_bytes: 1, rows: {constant: 1}")),
    Wrong(
        "pending_with_fast_commits",
        _stream("method: pending, commit_every: 0.5s, row_bytes: 1, rows: {constant: 1}"),
    ),
    Wrong("commits_of_default", _stream("commit_every: 5s, row_bytes: 1, rows: {constant: 1}")),
    Wrong(
        "connections_below_tables",
        _stream("method: committed, connections: 2, tables: 4, row_bytes: 1, rows: {constant: 1}"),
    ),
    Wrong("tables_without_end", _stream("tables: 2000000, row_bytes: 1, rows: {constant: 1}")),
    Wrong("connection_of_nothing", _stream("connection_rate: 0, row_bytes: 1, rows: {constant: 1}")),
    Wrong(
        "streams_of_one_name",
        _stream("row_bytes: 1, rows: {constant: 1}") + "- {row_bytes: 1, rows: {constant: 2}}\n",
    ),
    Wrong("streams_without_end", _stream("row_bytes: 1, rows: {constant: 1}", "days: 1000000")),
    Wrong("stream_without_price", _stream("row_bytes: 1, rows: {constant: 1}, location: mars")),
    Wrong(
        "stream_of_no_price_by_grid",
        _stream(
            "row_bytes: 1, rows: {constant: 1}, location: US", "grid: {streams.stream.location: [US, mars]}"
        ),
    ),
    Wrong(
        "unknown_quota", _stream("row_bytes: 1, rows: {constant: 1}", "quotas: {values: {append_byte: 5}}")
    ),
    Wrong(
        "unknown_quota_of_tenants",
        _stream("row_bytes: 1, rows: {constant: 1}", "quotas: {tenants: {p: {rows: 5}}}"),
    ),
    Wrong("objective_of_streams", _stream("row_bytes: 1, rows: {constant: 1}", "objectives: [{within: 1m}]")),
    Wrong("uncertain_streams", _stream("row_bytes: 1, rows: {constant: 1}", "uncertainty: {seeds: 2}")),
    Wrong(
        "duration_of_streams",
        _stream("row_bytes: 1, rows: {constant: 1}", "thresholds: [{p95_duration: 1m}]"),
    ),
    Wrong(
        "group_of_streams",
        _stream("row_bytes: 1, rows: {constant: 1}", "thresholds: [{group: all, cost_per_day: 1}]"),
    ),
    Wrong("warm_up_of_streams", _stream("row_bytes: 1, rows: {constant: 1}", "warm_up: 1d")),
    Wrong("use_without_streams", JOBS + "thresholds: [{streaming_use: 0.5}]"),
    Wrong("delay_of_a_group", JOBS + "thresholds: [{group: all, streaming_delay_p99: 5s}]"),
    Wrong(
        "grid_of_no_stream",
        _stream("row_bytes: 1, rows: {constant: 1}", "grid: {streams.clicks.times: [1, 2]}"),
    ),
    Wrong(
        "grid_of_no_rate_of_a_stream",
        _stream("row_bytes: 1, rows: {constant: 1}", "grid: {streams.stream.bytes.constant.per_s: [1, 2]}"),
    ),
    Wrong(
        "grid_breaks_a_stream",
        _stream("row_bytes: 1, rows: {constant: 1}", "grid: {streams.stream.method: [default, pending]}"),
    ),
    Wrong("sample_without_share", JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {by: project}}]}]")),
    Wrong("sample_of_nothing", JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {share: 0}}]}]")),
    Wrong("sample_of_more_than_all", JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {share: 1.5}}]}]")),
    Wrong(
        "sample_by_another_key", JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {share: 0.1, by: user}}]}]")
    ),
    Wrong(
        "sample_by_no_label", JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {share: 0.1, by: label}}]}]")
    ),
    Wrong(
        "sample_by_two_keys",
        JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {share: 0.1, by: project, label: team}}]}]"),
    ),
    Wrong(
        "sample_of_an_unknown_key",
        JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {share: 0.1, key: team}}]}]"),
    ),
    Wrong("alignment_of_generated_jobs", JOBS.replace("}]}}}]", "}]}}, align: begin}]")),
    Wrong("unknown_alignment", "workload: [{origin: {history: {files: []}}, align: start}]"),
    Wrong(
        "grid_of_no_sample",
        JOBS.replace("}]}}}]", "}]}}, changes: [{times: 2}]}]")
        + "grid: {workload.workload.changes.1.sample.share: [0.1]}",
    ),
    Wrong(
        "grid_of_an_empty_sample",
        JOBS.replace("}]}}}]", "}]}}, changes: [{sample: {share: 0.5}}]}]")
        + "grid: {workload.workload.changes.1.sample.share: [0.5, 0]}",
    ),
)
