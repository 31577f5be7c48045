"""The served OpenAPI document is true: schemathesis calls every operation with good and with bad data.

The gate's run takes seconds. `make contract` takes longer: ORDERS_CONTRACT is the number of examples for each
operation and mode.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from openapi_spec_validator import validate

if TYPE_CHECKING:
    from tests.e2e.conftest import Pipeline

pytestmark = pytest.mark.engine

EXAMPLES = int(os.environ.get("ORDERS_CONTRACT", "20"))
ROOT = Path(__file__).parents[2]
_POOL = urllib3.PoolManager()


def test_schemathesis_finds_nothing(pipeline: Pipeline, configuration: Path) -> None:
    report = configuration.with_name("report.json")
    api = pipeline.addresses.api_url
    options = ["--url", api, "--max-examples", str(EXAMPLES), "--report", "json", "--no-color"]
    run = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("st")), "--config-file", str(configuration)),
            *("run", f"{api}/v1/openapi.json", *options, "--report-json-path", str(report)),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert run.returncode == 0, "schemathesis found something: see its output"
    _assert_every_operation_was_reached(json.loads(report.read_text()))


def _assert_every_operation_was_reached(report: dict[str, Any]) -> None:
    """No finding is worth something only when valid requests got through to what each operation does."""
    assert report["complete"]
    assert {phase["status"] for phase in report["phases"].values()} == {"success"}
    accepted = {
        operation: sum(rate["accepted"] for rate in phases.values())
        for operation, phases in report["valid_rates"].items()
    }
    assert len(accepted) == report["operations"]["total"]
    assert all(accepted.values()), accepted


def test_the_served_document_is_valid_and_says_how_to_authenticate(pipeline: Pipeline) -> None:
    answer = _POOL.request("GET", f"{pipeline.addresses.api_url}/v1/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    document = answer.json()
    validate(document)
    assert document["components"]["securitySchemes"]["client"]["name"] == "x-orders-client"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/orders"),
        ("DELETE", "/v1/orders/{order_id}"),
        ("GET", "/v1/nothing"),
        ("GET", "/v1/orders/"),
    ],
)
def test_what_is_not_described_is_the_gateways_404(pipeline: Pipeline, method: str, path: str) -> None:
    answer = _POOL.request(method, pipeline.addresses.api_url + path, headers={"X-Orders-Client": "anybody"})
    assert (answer.status, answer.json()) == (404, {"message": "Not Found"})
