"""The mutants: what is changed in the client, and which tests must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """``old`` becomes ``new`` in a file of bqclient; ``tests`` (below tests/client) must fail then."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _m(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    return Mutant(name, file, old, new, tests)


BACKOFF = "resilience/test_backoff.py"
STREAMING = "services/test_streaming.py"
QUERIES = "services/test_queries.py"
JOBS = "services/test_jobs.py"
LOADING = "services/test_loading.py"
RESOURCES = "services/test_resources.py"
WRITE = "storage_api/test_write.py"
FAULTS = "storage_api/test_write_faults.py"
READ = "storage_api/test_read_stream.py"
TELEMETRY = "observability/test_telemetry.py"
SCENARIOS = "scenarios/test_scenarios.py::test_a_journey"

MUTANTS = (
    # Retries
    _m(
        "no retry at all",
        "resilience/retry.py",
        "        if number >= policy.retries:\n",
        "        if number >= 0:\n",
        f"{BACKOFF}::test_what_may_succeed_later_is_tried_again_as_asked",
    ),
    _m(
        "twice as many retries",
        "resilience/retry.py",
        "        if number >= policy.retries:\n",
        "        if number >= 2 * policy.retries:\n",
        f"{BACKOFF}::test_what_may_succeed_later_is_tried_again_as_asked",
    ),
    _m(
        "waits do not grow",
        "resilience/policies.py",
        "self.first_s * self.growth**number",
        "self.first_s",
        "test_core.py::test_a_failing_service_is_asked_three_times_more",
    ),
    _m(
        "waits without jitter",
        "resilience/policies.py",
        "least * (1 + self.jitter * fraction)",
        "least",
        f"{BACKOFF}::test_what_may_succeed_later_is_tried_again_as_asked",
    ),
    _m(
        "the first retry does not wait",
        "resilience/policies.py",
        "        if self.at_once:\n            if number == 0:",
        "        if True:\n            if number == 0:",
        f"{BACKOFF}::test_what_may_succeed_later_is_tried_again_as_asked",
    ),
    _m(
        "wrong SQL is tried again",
        "resilience/policies.py",
        '"invalidQuery": Rule(e.InvalidQueryError)',
        '"invalidQuery": Rule(e.InvalidQueryError, "backend")',
        "scenarios/test_rules.py::test_reasons_of_calls[jobs.insert]",
    ),
    _m(
        "quotas are asked for again soon",
        "resilience/policies.py",
        "RetryPolicy(retries=1, first_s=600.0, growth=1.0, longest_s=1200.0)",
        "RetryPolicy(retries=1)",
        f"{BACKOFF}::test_what_may_succeed_later_is_tried_again_as_asked",
    ),
    _m(
        "Retry-After is ignored",
        "transport/replies.py",
        '        retry_after=retry_after(headers.get("retry-after"), now),\n',
        "",
        f"{BACKOFF}::test_an_answer_that_says_how_long_to_wait_is_obeyed",
    ),
    _m(
        "RetryInfo is ignored",
        "transport/status.py",
        "            retry_after = delay.seconds + delay.nanos / 1e9\n",
        "            retry_after = None\n",
        f"{FAULTS}::test_a_wait_that_the_service_asks_for_is_kept",
        f"{READ}::test_waits_are_those_that_the_service_asks_for",
    ),
    _m(
        "the deadline does not hold over retries",
        "resilience/retry.py",
        "                if not call.deadline.allows(wait):\n                    raise\n",
        "",
        f"{BACKOFF}::test_a_deadline_holds_over_retries",
    ),
    _m(
        "the breaker never opens",
        "resilience/breaker.py",
        "            if probe or self.failures >= self.settings.breaker_failures:",
        "            if probe:",
        "resilience/test_breaker.py",
    ),
    _m(
        "a broken answer is an error for good",
        "resilience/policies.py",
        'CONNECTION = Rule(e.ConnectionFailedError, "connection", ambiguous=True)',
        "CONNECTION = Rule(e.ConnectionFailedError, ambiguous=True)",
        f"{BACKOFF}::test_failures_of_the_way",
    ),
    _m(
        "a 401 does not renew the token",
        "transport/rest.py",
        "        if reply[0] == 401 and await self._tokens.renew():",
        "        if False:",
        f"{SCENARIOS}[token-expiry-pages]",
    ),
    # Queries and jobs
    _m(
        "no requestId",
        "services/queries.py",
        '        request_id = body["requestId"] = core.runtime.unique()\n',
        "        request_id = core.runtime.unique()\n",
        f"{QUERIES}::test_the_request_id_is_kept_over_retries_and_new_for_each_query",
        f"{QUERIES}::test_dml_whose_answer_is_lost_is_done_once",
    ),
    _m(
        "another requestId at each sending",
        "transport/rest.py",
        "        async def attempt(this: Attempt) -> Reply:\n"
        "            return await self._send(call, made.method",
        "        async def attempt(this: Attempt) -> Reply:\n            nonlocal content\n"
        '            if body and "requestId" in body:\n'
        '                content = _encoded({**body, "requestId": self.runtime.unique()})\n'
        "            return await self._send(call, made.method",
        f"{QUERIES}::test_the_request_id_is_kept_over_retries_and_new_for_each_query",
    ),
    _m(
        "the requestId of the failed query for the new one",
        "services/queries.py",
        '        request_id = body["requestId"] = core.runtime.unique()\n',
        '        request_id = body["requestId"] = body.get("requestId") or core.runtime.unique()\n',
        f"{QUERIES}::test_a_job_that_failed_inside_is_begun_again_under_another_id",
    ),
    _m(
        "the id of the failed job for the new one",
        "services/jobs.py",
        '        again = Again(self._core, "jobs.insert", deadline)\n        while True:\n            try:\n'
        "                job = await self.insert(\n                    configuration,\n",
        '        again = Again(self._core, "jobs.insert", deadline)\n        same = self.new_id()\n'
        "        while True:\n            try:\n"
        "                job = await self.insert(\n                    configuration,\n"
        "                    job_id=same,\n",
        f"{JOBS}::test_a_job_that_failed_inside_the_service_is_begun_again_as_another",
    ),
    _m(
        "a 409 is not read back",
        "services/jobs.py",
        "                if job_id or taken.ambiguous:\n",
        "                if job_id:\n",
        f"{JOBS}::test_a_job_whose_answer_is_lost_runs_once",
    ),
    _m(
        "jobs that fail inside the service are errors",
        "services/jobs.py",
        "                if not (failed_inside(error) and may_restart(configuration)):",
        "                if True:",
        f"{JOBS}::test_a_job_that_failed_inside_the_service_is_begun_again_as_another",
    ),
    _m(
        "the job's error is not looked at",
        "services/jobs.py",
        "        if failure := error_of_job(job):\n            raise failure\n",
        "",
        f"{JOBS}::test_the_error_of_a_job_is_raised_by_who_waits",
        f"{LOADING}::test_a_bad_file_is_the_jobs_error",
    ),
    _m(
        "jobs are polled without a pause",
        "services/polling.py",
        "        await core.runtime.sleep(wait)\n        wait = min",
        "        wait = min",
        f"{JOBS}::test_watch_asks_less_and_less_often",
    ),
    _m(
        "a lost upload begins another job",
        "services/loading.py",
        "                except AlreadyExistsError:\n",
        "                except KeyError:\n",
        f"{LOADING}::test_a_lost_answer_loads_once",
    ),
    _m(
        "only the first page of a result",
        "services/results.py",
        '        self._token: str | None = data.get("pageToken")\n',
        "        self._token: str | None = None\n",
        f"{QUERIES}::test_pages_are_brought_to_the_last",
    ),
    _m(
        "the page token of lists is ignored",
        "services/paging.py",
        '        token = reply.data.get("nextPageToken") or reply.data.get("pageToken")\n',
        "        token = None\n",
        f"{JOBS}::test_list",
    ),
    _m(
        "the length of queries is not checked",
        "services/query_options.py",
        " and (found := len(sql.encode())) > MAX_QUERY_BYTES:",
        " and (found := len(sql.encode())) > MAX_QUERY_BYTES << 10:",
        f"{QUERIES}::test_text_that_is_too_long_is_refused_before_sending",
    ),
    # Resources
    _m(
        "etags are not sent",
        "services/resources.py",
        '    headers = {"if-match": etag} if etag else None\n',
        "    headers = None\n",
        RESOURCES,
    ),
    _m(
        "a table that a lost answer made is an error",
        "services/resources.py",
        "        if not (exists_ok or taken.ambiguous):",
        "        if not exists_ok:",
        f"{RESOURCES}::test_a_lost_answer_makes_a_table_once",
    ),
    # Streaming inserts
    _m(
        "insertErrors are ignored",
        "services/streaming.py",
        '    for item in data.get("insertErrors") or ():',
        "    for item in ():",
        f"{STREAMING}::test_refused_rows_are_given_back",
    ),
    _m(
        "insert ids are dropped",
        "services/streaming.py",
        '        head = b"{" if id_ is None else',
        '        head = b"{" if True else',
        f"{STREAMING}::test_rows_are_inserted_once_though_answers_are_lost",
    ),
    _m(
        "rows without insert ids are sent again",
        "services/streaming.py",
        "                idempotent=known_again,\n",
        "                idempotent=True,\n",
        f"{STREAMING}::test_without_insert_ids_a_lost_answer_is_an_error",
    ),
    _m(
        "insert ids of content are random",
        "services/streaming.py",
        '    if given == "content":\n        return content_id(body)',
        '    if given == "content":\n        return str(unique())',
        f"{STREAMING}::test_content_ids_make_two_calls_one",
    ),
    _m(
        "the number of rows is not checked",
        "services/streaming.py",
        "    if len(prepared) > MAX_ROWS:",
        "    if False:",
        f"{STREAMING}::test_limits_are_checked_before_sending",
    ),
    _m(
        "gathered rows do not wait for room",
        "services/buffered.py",
        "            await self._places.acquire()\n",
        "            await asyncio.sleep(0)\n",
        f"{STREAMING}::test_those_who_bring_rows_wait_for_a_slow_table",
    ),
    _m(
        "what was gathered is not sent at the end",
        "services/buffered.py",
        '        """Insert what was gathered, and wait until all of it is answered."""\n'
        "        await self._send()\n",
        '        """Insert what was gathered, and wait until all of it is answered."""\n',
        f"{STREAMING}::test_gathered_rows_go_by_number_and_size",
        f"{SCENARIOS}[clock-skew-streaming]",
    ),
    # Storage writes
    _m(
        "appends have no offset",
        "storage_api/append_stream.py",
        "            offset=item.offset,\n            schema=switched",
        "            offset=None,\n            schema=switched",
        f"{FAULTS}::test_appends_are_stored_once_whatever_breaks",
    ),
    _m(
        "the offset does not advance",
        "storage_api/append_stream.py",
        "max(to.next_offset, item.offset + item.payload.rows)",
        "max(to.next_offset, item.offset)",
        f"{WRITE}::test_a_table_is_written_through_streams_of_each_type",
    ),
    _m(
        "ALREADY_EXISTS of an append is an error",
        "storage_api/append_queue.py",
        "item.unsure_at is not None and item.unsure_at == offset:",
        "item.unsure_at is None:",
        f"{FAULTS}::test_exactly_once_appends_are_there_once",
        f"{FAULTS}::test_appends_are_stored_once_whatever_breaks",
    ),
    _m(
        "ALREADY_EXISTS always counts as stored",
        "storage_api/append_queue.py",
        "if failure.exists and to.offsets and item.unsure_at is not None and item.unsure_at == offset:",
        "if failure.exists:",
        f"{WRITE}::test_explicit_offsets_are_those_of_the_stream",
    ),
    _m(
        "what was not acknowledged is not sent again",
        "storage_api/append_queue.py",
        "        again = [*self._held, *(item for item, _ in self._flying)]\n",
        "        again = [*self._held]\n",
        f"{FAULTS}::test_a_wave_of_restarts_loses_and_repeats_nothing",
    ),
    _m(
        "streams are not finalized",
        "storage_api/writer.py",
        "        self.finalized_rows = await self._service.finalize(self.stream)\n",
        "        self.finalized_rows = self._end\n",
        f"{WRITE}::test_a_table_is_written_through_streams_of_each_type",
    ),
    _m(
        "connections are not closed",
        "storage_api/writer.py",
        "    async def _disconnect(self) -> None:\n        if not self._shared:",
        "    async def _disconnect(self) -> None:\n        if False:",
        FAULTS + "::test_appends_are_stored_once_whatever_breaks",
    ),
    _m(
        "repeated rows of a default stream are not told",
        "storage_api/append_queue.py",
        "        repeated = item.unsure and not item.to.offsets\n",
        "        repeated = False\n",
        f"{FAULTS}::test_default_streams_say_that_rows_may_be_there_twice",
    ),
    _m(
        "commits are not sent again",
        "storage_api/commits.py",
        "        if lasting or number >= policy.retries or not deadline.allows(wait):",
        "        if True:",
        f"{WRITE}::test_commits_wait_for_what_passes",
    ),
    _m(
        "a commit whose answer was lost commits all streams again",
        "storage_api/commits.py",
        "            left = [name for name in left if name not in set(done)]\n",
        "",
        f"{WRITE}::test_commits_whose_answers_are_lost_are_done_once",
    ),
    _m(
        "room for appends without end",
        "storage_api/append_items.py",
        "        return self.used_requests < self.requests and self.used_size + size <= self.size\n",
        "        return True\n",
        f"{WRITE}::test_many_appends_wait_for_room",
    ),
    # Storage reads
    _m(
        "a broken read begins at the first row",
        "storage_api/read_stream.py",
        "ReadRowsRequest(read_stream=self.name, offset=self.offset)",
        "ReadRowsRequest(read_stream=self.name, offset=0)",
        f"{READ}::test_a_stream_goes_on_at_the_row_where_it_broke",
    ),
    _m(
        "a broken read leaves out a row",
        "storage_api/read_stream.py",
        "ReadRowsRequest(read_stream=self.name, offset=self.offset)",
        "ReadRowsRequest(read_stream=self.name, offset=self.offset + (self._attempts > 1))",
        f"{READ}::test_a_stream_goes_on_at_the_row_where_it_broke",
    ),
    _m(
        "a stream's end is an error's",
        "storage_api/read_stream.py",
        '    "UNAVAILABLE": "unavailable",\n',
        "",
        f"{READ}::test_a_stream_goes_on_at_the_row_where_it_broke",
    ),
    _m(
        "expired sessions are not had anew",
        "storage_api/read_all.py",
        "            await self._refresh(generation, error)\n",
        "            raise\n",
        "storage_api/test_refresh.py::test_a_read_goes_on_in_another_session",
    ),
    _m(
        "reads take as much memory as there is",
        "storage_api/window.py",
        "        if not taken or taken + lane.guess <= self.limit:\n",
        "        if True:\n",
        "storage_api/test_read_all.py::test_no_more_waits_than_the_window_lets",
    ),
    # What must not be seen
    _m(
        "a secret is seen",
        "secret.py",
        '        return f"Secret({HIDDEN})"\n',
        '        return f"Secret({self.__value})"\n',
        "auth/test_secrets.py",
    ),
    _m(
        "SQL is written to the log",
        "services/queries.py",
        "        work = _Work(sql, deadline, page_size, cancel_on_timeout, cancel_on_cancel)\n",
        "        work = _Work(sql, deadline, page_size, cancel_on_timeout, cancel_on_cancel)\n"
        '        __import__("logging").getLogger("bqclient").info("query %s", sql)\n',
        f"{TELEMETRY}::test_no_secret_value_or_sql_is_told",
    ),
    _m(
        "messages of errors are written to the log",
        "observability/telemetry.py",
        "                outcome=outcome,\n                seconds",
        "                outcome=str(failure),\n                seconds",
        f"{TELEMETRY}::test_no_secret_value_or_sql_is_told",
    ),
    _m(
        "plain text to other machines",
        "config.py",
        '            if parts.scheme == "http" and not is_loopback(parts.netloc):',
        "            if False:",
        "test_core.py::test_plain_text_stays_on_this_machine",
    ),
)
