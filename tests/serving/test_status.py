from __future__ import annotations

import re

import httpx
import pytest
from fake_store import DAY, app_id, eventually, publish, server, wait_for, write_table
from prometheus_client.parser import text_string_to_metric_families

from recsys.workspace import Workspace


def sample(client: httpx.Client, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").text)
    values = [s.value for f in families for s in f.samples if s.name == name and s.labels == labels]
    return values[0] if values else 0.0


def test_not_ready_until_a_bundle_serves(workspace: Workspace) -> None:
    with server(workspace) as url, httpx.Client(base_url=url) as client:
        eventually(lambda: "recsys run" in client.get("/readyz").text)
        assert client.get("/healthz").status_code == 200
        for answer in (
            client.get("/readyz"),
            client.post("/v1/recommend", json={"user_id": "u000"}),
            client.get(f"/v1/apps/{app_id(0)}"),
            client.get("/v1/users/u000"),
        ):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "1"
            assert answer.json()["detail"].startswith("no bundle serves yet")
        assert client.get("/v1/bundles").json()["serving"] is None
        assert client.get("/").status_code == 200
        publish(workspace, "broken", whole=False)
        eventually(lambda: "digest" in client.get("/readyz").text)
        publish(workspace, "v1")
        wait_for(url)
        assert client.get("/readyz").json() == {"status": "ok", "bundle": "v1"}


def test_users_that_cannot_be_loaded_are_told_of(workspace: Workspace) -> None:
    publish(workspace, "v1")
    write_table(workspace, "users", DAY, [{"user_id": "u" * 121}])
    with server(workspace) as url:
        eventually(lambda: "121 characters" in httpx.get(f"{url}/readyz").text)
        assert httpx.get(f"{url}/v1/users").status_code == 503


def test_metrics_count_what_happened(client: httpx.Client) -> None:
    def count(name: str, **labels: str) -> float:
        return sample(client, name, **labels)

    ok = {"route": "/v1/recommend", "status": "200"}
    refused = {"route": "/v1/recommend", "status": "422"}
    before = count("recsys_requests_total", **ok)
    client.post("/v1/recommend", json={"user_id": "u003"})
    client.post("/v1/recommend", json={})
    event = {"event_id": "m1", "user_id": "u039", "app_id": "x", "kind": "click"}
    client.post("/v1/events", json={"events": [event, event]})
    assert count("recsys_requests_total", **ok) == before + 1
    assert count("recsys_requests_total", **refused) == 1
    assert count("recsys_request_seconds_count", route="/v1/recommend") == before + 2
    assert count("recsys_recommended_apps_total") == 20 * (before + 1)
    assert count("recsys_candidates_removed_total", filter="installed") == 3
    assert count("recsys_events_total", kind="click") == 1
    assert count("recsys_bundle_info", version="v1") == 1


def test_routes_are_counted_by_their_template(client: httpx.Client) -> None:
    client.get("/v1/users/u001")
    client.get("/nowhere/in/particular")
    text = client.get("/metrics").text
    assert 'route="/v1/users/{user_id:path}"' in text
    assert "u001" not in text
    assert "particular" not in text


def test_answers_tell_the_servers_share_of_the_wait(client: httpx.Client) -> None:
    answer = client.post("/v1/recommend", json={"user_id": "u000"})
    assert re.fullmatch(r"app;dur=\d+\.\d\d", answer.headers["Server-Timing"])


def test_every_endpoint_is_documented(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert {
        *("/v1/recommend", "/v1/similar/{app_id}", "/v1/events", "/v1/users", "/v1/catalogue"),
        *("/v1/users/{user_id}", "/v1/apps", "/v1/apps/{app_id}", "/v1/bundles"),
        *("/v1/bundles/{version}:activate", "/v1/bundles:rollback"),
        *("/healthz", "/readyz", "/metrics"),
    } == set(document["paths"])
    answers = document["paths"]["/v1/recommend"]["post"]["responses"]
    assert set(answers) == {"200", "413", "415", "422", "503"}
    assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith(
        "/Recommendations"
    )


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_pages_load_nothing_from_other_hosts(client: httpx.Client, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    linked = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    assert linked
    for address in linked:
        assert not re.match(r"\w+:|//", address), address
        assert client.get(address).status_code == 200
