"""Dashboard and alerts ask for metrics and labels that the services really export, from where they export them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
import yaml

from tests.support.metrics import exported_by_job, own_metrics
from tests.support.promql import Expression, Selector, parse
from vid2vid_core.errors import error_classes
from vid2vid_demo.stack import DEFAULT_PORTS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/vid2vid.json").read_text())
SCRAPED: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

JOBS = exported_by_job()
ADDED_BY_PROMETHEUS = {"job", "instance"}


class Query(NamedTuple):
    """A PromQL expression and the text that is filled in with its labels."""

    where: str
    text: str
    template: str


QUERIES = [
    Query(f"{panel['title']} {target['refId']}", target["expr"], target["legendFormat"])
    for panel in PANELS
    for target in panel["targets"]
] + [
    Query(f"alert {rule['alert']}", rule["expr"], rule["annotations"]["summary"])
    for group in ALERTS["groups"]
    for rule in group["rules"]
]

each_query = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.where)


def jobs_of(selector: Selector) -> list[str]:
    """Jobs that a selector reaches and that export its metric."""
    conditions = [matcher for matcher in selector.matchers if matcher.label == "job"]
    reached = [job for job in JOBS if all(condition.accepts(job) for condition in conditions)]
    return [job for job in reached if selector.metric in JOBS[job]]


def labels_of(selector: Selector) -> set[str]:
    return set().union(ADDED_BY_PROMETHEUS, *(JOBS[job][selector.metric] for job in jobs_of(selector)))


def unknown_names(expression: Expression) -> set[str]:
    """Metrics that nobody exports, and labels that they do not have."""
    unknown = {selector.metric for selector in expression.selectors if not jobs_of(selector)}
    for selector in expression.selectors:
        unknown |= {matcher.label for matcher in selector.matchers} - labels_of(selector)
    return unknown | (expression.grouping - set().union(*map(labels_of, expression.selectors)))


@each_query
def test_query_asks_for_metrics_and_labels_that_are_exported(query: Query) -> None:
    expression = parse(query.text)
    assert expression.selectors
    assert unknown_names(expression) == set()


@each_query
def test_legend_shows_labels_that_the_result_has(query: Query) -> None:
    shown = set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", query.template))
    expression = parse(query.text)
    kept = (
        expression.grouping if re.search(r"\bby\b", query.text) else set().union(*map(labels_of, expression.selectors))
    )
    assert shown <= kept | ({"le"} if "_bucket" in query.text else set())


@each_query
def test_statuses_and_reasons_that_are_selected_exist(query: Query) -> None:
    known = {
        "status": {code.name for code in grpc.StatusCode},
        "reason": {cls.reason() for cls in error_classes()},
        "source": {"detected", "interpolated", "held"},
        "device": {"cpu", "cuda"},
        "job": set(JOBS),
    }
    for selector in parse(query.text).selectors:
        for matcher in selector.matchers:
            assert set(matcher.wanted) <= known.get(matcher.label, set(matcher.wanted))


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("sum by (stage) (rate(vid2vid_stage_busy_seconds_total[5m]))", set()),
        ("rate(vid2vid_stage_busy_seconds[5m]) / 1e6", {"vid2vid_stage_busy_seconds"}),
        ('vid2vid_queue_frames{job="landmarks"}', {"vid2vid_queue_frames"}),
        ('sum by (queue) (vid2vid_queue_frames{depth="1"})', {"depth"}),
        ("sum by (stage) (vid2vid_queue_frames) and on (gpu) up", {"stage", "gpu"}),
    ],
)
def test_a_name_that_nobody_exports_is_noticed(text: str, unknown: set[str]) -> None:
    expression = parse(text)
    missing = {selector.metric for selector in expression.selectors if not jobs_of(selector)}
    assert (missing or unknown_names(expression)) == unknown


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    shown = {selector.metric for query in QUERIES for selector in parse(query.text).selectors}
    missing = {name for name in own_metrics(JOBS.values()) if not any(metric.startswith(name) for metric in shown)}
    assert missing == set()


def test_every_metric_of_ours_is_described_for_operators() -> None:
    described = (ROOT / "docs" / "operations.md").read_text()
    assert {name for name in own_metrics(JOBS.values()) if f"`{name}`" not in described} == set()


def test_every_alert_is_played_through_and_described() -> None:
    alerts = {rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]}
    played = yaml.safe_load((DEPLOY / "prometheus/alerts_test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in played for case in test["alert_rule_test"] if case.get("exp_alerts")}
    described = (ROOT / "docs" / "operations.md").read_text()
    assert fired == alerts == {alert for alert in alerts if f"`{alert}`" in described}


def test_scraped_ports_are_those_that_the_services_listen_on() -> None:
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in SCRAPED["scrape_configs"]}
    services = yaml.safe_load((ROOT / "docker-compose.common.yml").read_text())["services"]
    assert targets.pop("prometheus") == ["localhost:9090"]
    assert targets == {
        "landmarks": [f"landmarks:{DEFAULT_PORTS.landmarks_metrics}"],
        "renderer": [f"renderer:{DEFAULT_PORTS.renderer_metrics}"],
        "triton": [f"triton:{DEFAULT_PORTS.triton_metrics}"],
    }
    for name in ("landmarks", "renderer"):
        listen = services[name]["environment"][f"VID2VID_{name.upper()}_METRICS_LISTEN"]
        assert f"{name}:{listen.rpartition(':')[2]}" == targets[name][0]
    assert services["renderer"]["environment"]["VID2VID_RENDERER_TRITON_METRICS"] == targets["triton"][0]


def test_panels_use_the_provisioned_data_source() -> None:
    provisioned = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    (source,) = provisioned["datasources"]
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == {source["uid"]}
    assert source["jsonData"]["timeInterval"] == SCRAPED["global"]["scrape_interval"]


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
