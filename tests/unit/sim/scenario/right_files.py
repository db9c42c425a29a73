"""Scenario texts that are read, each using other parts of the model."""

from __future__ import annotations

RIGHT_FILES: dict[str, str] = {
    "empty": "",
    "name_only": "name: calm\n",
    "clock_word": "clock: manual\n",
    "clock": "clock: {mode: scaled, scale: 60, start: 2025-01-31T12:00:00Z, offset: -5m}\n",
    "list_of_effects": """
name: every effect
rules:
- effect: {error: backendError}
- effect: {error: {reason: quotaExceeded, level: job, message: "no more", applied: true, retry_after: 5s}}
- effect: {grpc: UNAVAILABLE}
- effect: {grpc: {status: RESOURCE_EXHAUSTED, retry_delay: 1.5, storage_code: STREAM_NOT_FOUND, entity: x}}
- effect: {network: reset}
- effect: {network: {what: drip, at: body, byte: 100, bytes_per_s: 10, applied: false}}
- effect: {network: {what: stall, for: 90s}}
- effect: {delay: 20ms}
- effect: {delay: {latency: {lognormal: {median: 1s, sigma: 0.5}}, phase: run}}
- effect: {insert_errors: 0.25}
- effect: {insert_errors: {indexes: [0, 3], reason: stopped}}
- effect: {job_state: stuck}
- effect: {job_state: {outcome: hold, state: RUNNING, for: 1h}}
- effect: {job_state: {outcome: progress, progression: {polls: {pending: 3}}}}
- effect: {stale: 5s}
- effect: {deny: bigquery.tables.getData}
- effect: expire_token
- effect: {expire_token: }
- effect: {throttle: 50}
- effect: {break_stream: 1000}
- effect: {break_stream: {status: ABORTED}}
- effect: {quota: concurrent_queries}
""",
    "match": """
machines: {region: up}
rules:
- id: fall
  match:
    transport: [rest, grpc]
    method: bigquery.jobs.*
    resource: [projects/p/*, "projects/[a-f]*"]
    project: p
    caller: "*@example.com"
    client: "*python*"
    labels: {team: a*}
    headers: {x-goog-request-reason: "*"}
    job_type: QUERY
    statement_type: [SELECT, MERGE]
    sql: "(?i)from\\\\s+t"
    fingerprint: abc
    state: RUNNING
    nth: [1, 2]
    attempt: 1
    probability: 0.5
    window: {from: 10m, until: 1h30m}
    offset_rows: 100
    machine: {region: up}
    max_calls: 10
  effect: {error: backendError}
  times: 2
  ttl: 10m
  set: {region: down}
- match: {every: 3, offset_bytes: 10, machine: {region: down}}
  effect: {error: backendError}
  set: {region: up}
""",
    "latency": """
latency:
  preset: bigquery-2026-08
  scale: 0.5
  rules:
  - {latency: 1s, phase: queue, match: {job_type: LOAD}}
  - {latency: {uniform: {low: 1s, high: 2s}}}
  - {latency: {normal: {mean: 1s, deviation: 100ms}}}
  - {latency: {gamma: {mean: 1s, shape: 2}}}
  - {latency: {exponential: 1s}}
  - {latency: {pareto: {minimum: 1s, alpha: 1.5}}}
  - {latency: {mixture: [{weight: 9, of: 10ms}, {weight: 1, of: {mixture: [{weight: 1, of: 1s}]}}]}}
  - {latency: {quantiles: [{at: 0.5, value: 1s}, {at: 0.99, value: 4s}]}}
  - {latency: {trace: {values: [1s, 2s, 500us], loop: false}}}
  - latency:
      distribution: 1s
      per_mib: 5ms
      per_row: 1us
      per_slot: 1ms
      floor: 10ms
      cap: 30s
      correlation: 0.5
      ramps: [{from: 0, until: 1h, factor: 3}]
      schedule: [{from: 8h, until: 18h, every: 1d, factor: 2}]
""",
    "latency_word": "latency: bigquery-2026-08\n",
    "jobs": """
jobs:
- {progression: immediate, match: {job_type: COPY}}
- {progression: manual, growing_plan: true}
- {progression: {timed: {pending: 1s, running: {exponential: 2s}}}, deferments: [concurrency]}
- {progression: {polls: {pending: 1, running: 2}}}
- {progression: {script: [{state: PENDING, for: 5s}, {state: RUNNING, polls: 2, done: 0.5}, {state: DONE}]}}
- {progression: sampled}
- {progression: {sampled: {scale: 2}}}
""",
    "limits": "limits: {profile: bigquery, scale: 0.01, values: {a: 3}, tenants: {p*: {a: 0.5}}}\n",
    "limits_off": "limits: off\n",
    "iam": """
iam:
  auth: open
  groups: {team@example.com: ['user:ada@example.com']}
  roles: {loader: [bigquery.jobs.create, 'bigquery.tables.*']}
  bindings:
  - {role: roles/bigquery.dataViewer, members: ['group:team@example.com'], resource: projects/p}
  - {role: loader, members: allUsers}
  deny:
  - {permissions: bigquery.tables.delete, principals: allUsers, except_principals: 'user:root@example.com'}
""",
    "iam_file": "iam: policy.yaml\n",
    "anchors": """
rules:
- {match: &slow {method: bigquery.jobs.insert}, effect: &fail {error: backendError}}
- {match: *slow, effect: *fail}
""",
    "quoted_and_block": "name: '12'\ndescription: |\n  one\n  two\n",
    "nothing_for_optional": "seed:\nclock: ~\nlatency: null\n",
}
