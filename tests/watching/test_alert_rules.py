"""The alert rules: valid, tested case by case with promtool, on metrics that exist, with a page that helps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.metrics import FAMILIES

pytestmark = pytest.mark.external

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "alert_rules" / "decalogo.rules.yml"
CASES = ROOT / "alert_rules" / "decalogo.rules.test.yml"
NAME = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")
"""Metrics and some functions; every metric of ours has an underscore."""
FUNCTIONS = {"histogram_quantile"}


@pytest.fixture(scope="module")
def promtool() -> str:
    """Prometheus's own tool."""
    found = shutil.which("promtool")
    if found is None and not os.environ.get("CI"):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    assert found, "promtool is not installed (Debian: prometheus)"
    return found


def alerts() -> list[dict[str, Any]]:
    """Every rule of the file."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_and_configuration_are_valid(promtool: str) -> None:
    """Prometheus takes the rules and the configuration as they are checked in."""
    subprocess.run([promtool, "check", "rules", RULES], check=True, capture_output=True)
    config = ROOT / "cluster" / "prometheus.yml"
    subprocess.run([promtool, "check", "config", config], check=True, capture_output=True)


def test_each_alert_fires_when_it_should_and_not_before(promtool: str) -> None:
    """All cases hold, those of idle nights and of busy days among them."""
    done = subprocess.run([promtool, "test", "rules", CASES], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_cases_for_firing_and_for_silence() -> None:
    """A new alert without a case of its own is noticed here."""
    expected = [
        sample["labels"]
        for case in yaml.safe_load(CASES.read_text("utf-8"))["tests"]
        for check in case["promql_expr_test"]
        for sample in check["exp_samples"]
    ]
    silent = [
        check
        for case in yaml.safe_load(CASES.read_text("utf-8"))["tests"]
        for check in case["promql_expr_test"]
        if not check["exp_samples"]
    ]
    assert {rule["alert"] for rule in alerts()} == {
        found[1] for labels in expected if (found := re.search('alertname="([^"]+)"', labels))
    }
    assert len(silent) >= len(alerts())


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_watches_what_exists_and_says_what_to_do(rule: dict[str, Any]) -> None:
    """Its metrics are ours, its severity is known, and its page of the runbook has the section it links to."""
    known = {family.name for family in FAMILIES} | {
        f"{family.name}_{part}"
        for family in FAMILIES
        if family.kind == "histogram"
        for part in ("bucket", "count")
    }
    assert set(NAME.findall(re.sub(r"\{[^}]*\}", "", rule["expr"]))) - FUNCTIONS <= known
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"]
    assert len(rule["annotations"]["description"]) > 80
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert anchor in {re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings}
