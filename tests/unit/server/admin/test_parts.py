from __future__ import annotations

from .conftest import Control


def test_jobs(control: Control) -> None:
    assert control.do("POST", "plans", "manual") == {"plans": [{"progression": {"manual": {}}}]}
    job = control.query("SELECT 1", timeoutMs=0).json["jobReference"]["jobId"]
    waiting = control.do("GET", "jobs")["jobs"]
    assert waiting[0]["jobReference"] == {"projectId": "p", "jobId": job} and waiting[0]["state"] == "PENDING"
    assert control.do("POST", f"jobs/{job}/step?project=p") == {"jobId": job, "state": "RUNNING"}
    assert control.do("POST", f"jobs/{job}/release")["state"] == "DONE"
    assert control.ask("POST", f"jobs/{job}/step?project=p").status == 400
    assert control.ask("POST", "jobs/none/hold").status == 404
    failing = control.query("SELECT 2", timeoutMs=0).json["jobReference"]["jobId"]
    assert (
        control.do("POST", f"jobs/{failing}/finish", {"reason": "blocked", "message": "told"})["state"]
        == "DONE"
    )
    assert control.call("GET", f"/jobs/{failing}").json["status"]["errorResult"]["message"] == "told"
    wrong = control.ask("POST", f"jobs/{failing}/finish", {"reason": "blockd"})
    assert wrong.status == 400 and "did you mean 'blocked'" in wrong.message
    control.do("DELETE", "plans")
    assert control.do("GET", "plans") == {"plans": []}


def test_limits(control: Control) -> None:
    assert control.do("GET", "limits") == {"profile": "off", "refusals": {}, "limits": []}
    control.do(
        "PUT", "limits", {"values": {"api_requests_per_user_method": 1}, "only": ["api_*"], "capScale": 2}
    )
    codes = [control.call("GET", "/datasets").status for _ in range(2)]
    assert codes == [200, 403]
    assert control.do("GET", "limits")["refusals"] == {"api_requests_per_user_method": 1}
    assert control.do("GET", "limits/usage?limit=api_*")["usage"][0]["used"] == 1
    control.do("DELETE", "limits/usage")
    assert control.do("GET", "limits/usage")["usage"] == []
    wrong = control.ask("PUT", "limits", {"values": {"concurrent_querys": 1}})
    assert wrong.status == 400 and "concurrent_queries" in wrong.message
    control.do("DELETE", "limits")
    assert control.do("GET", "limits")["profile"] == "off"


def test_who_may_do_what(control: Control) -> None:
    granted = control.do("POST", "iam/grant", {"member": "user:a@b.c", "role": "roles/bigquery.admin"})
    assert granted["bindings"][0]["members"] == ["user:a@b.c"]
    assert control.call("GET", "/datasets").status in (200, 403)
    assert control.query("SELECT 1").status == 403
    denied = control.do("POST", "iam/deny", {"member": "user:a@b.c", "permissions": ["bigquery.jobs.create"]})
    assert denied["deny"][0]["permissions"] == ["bigquery.jobs.create"]
    assert control.do("POST", "iam/revoke", {"member": "user:a@b.c"})["bindings"] == []
    policy = "bindings:\n- role: roles/bigquery.admin\n  members: [allUsers]\n"
    assert control.do("PUT", "iam", policy)["enforced"] is True
    assert control.query("SELECT 1").status == 200
    assert control.ask("PUT", "iam", policy.replace("admin", "admn")).json["problems"][0]["line"] == 2
    assert control.ask("POST", "iam/grant", {"role": "roles/viewer"}).reason == "required"
    control.do("DELETE", "iam")
    assert control.do("GET", "iam") == {"enforced": False}


def test_retry_tests(control: Control) -> None:
    made = control.do("POST", "retry-tests", {"instructions": {"datasets.list": ["backendError"]}, "id": "t"})
    assert (made["id"], made["completed"]) == ("t", False)
    assert control.call("GET", "/datasets", headers={"x-retry-test-id": "t"}).status == 503
    assert control.do("GET", "retry-tests/t")["completed"] is True
    assert [t["id"] for t in control.do("GET", "retry-tests")["retryTests"]] == ["t"]
    control.do("DELETE", "retry-tests/t")
    assert control.ask("GET", "retry-tests/t").status == 404
    assert control.ask("POST", "retry-tests", {"instructions": ["x"]}).status == 400
    assert "Unknown field x" in control.ask("POST", "retry-tests", {"instructions": {}, "x": 1}).message
