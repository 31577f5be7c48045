"""A stage that is the whole deployed template on the embedded engine, with the stand-ins.

Dispatch is switched off, so that the scenario's own execution is the only one that works on an order.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.config import Config

from lambdas.domain.catalogue import Product
from lambdas.domain.identifiers import OrderId, RefundId
from lambdas.domain.workflow import READ_SECONDS
from orders.local.engine.process import ADMINISTRATOR, REGION
from tests.e2e.bodies import body, refund_of
from tests.engines.stage import ON_HAND, PRICE, Ended, Facts
from tests.fakes.payments import GOOD_CARD

if TYPE_CHECKING:
    from orders.api_client import OrdersClient
    from tests.e2e.conftest import Pipeline
    from tests.engines.stage import Edit

# Longer than the functions wait for an answer: the call that hangs does nothing after all.
HANG_SECONDS: Final = 9.0


def switch_off_dispatch(pipeline: Pipeline) -> None:
    """Let the messages lie in the queues."""
    functions = pipeline.aws("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def _workflow_client(endpoint: str) -> Any:
    """Make a client that waits for an execution, starts it once, and adds no `sync-` to the host's name."""
    return botocore.session.get_session().create_client(
        "stepfunctions",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ADMINISTRATOR.access_key_id,
        aws_secret_access_key=ADMINISTRATOR.secret_access_key,
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}, read_timeout=READ_SECONDS),
    )


@dataclass(slots=True)
class DeployedStage:
    """Satisfies `Stage`; `sku` is a product of the test's own."""

    pipeline: Pipeline
    sku: str

    def __post_init__(self) -> None:
        """Offer the product."""
        self.pipeline.stock(Product(self.sku, "GBP", {"list": PRICE}, on_hand=ON_HAND))

    @property
    def _client(self) -> OrdersClient:
        return self.pipeline.client("scenarios")

    def accept(self, card: str = GOOD_CARD, quantity: int = 1) -> OrderId:
        """Accept an order."""
        submitted = self._client.submit(body((self.sku, quantity), card=card), self.sku)
        return OrderId(submitted.order["order_id"])

    def cancel(self, order_id: OrderId) -> None:
        """Ask for the order's end."""
        self._client.cancel(order_id, b"{}", "cancel")

    def refund(self, order_id: OrderId) -> RefundId:
        """Ask for the order's money back."""
        self._client.refund(order_id, refund_of(), "refund")
        (refund,) = self._client.refunds(order_id)
        return RefundId(refund["refund_id"])

    def fail_warehouse(self, times: int) -> None:
        """Let the warehouse fail."""
        self.pipeline.warehouse.fault("error_before", method="PUT", count=times, status=503)

    def hang_fulfil(self, times: int) -> None:
        """Let the warehouse, and so the function, hang."""
        self.pipeline.warehouse.fault("hang_before", method="PUT", count=times, seconds=HANG_SECONDS)

    def cut_confirm(self, times: int) -> None:
        """Cut the provider's connection before it acts."""
        self.pipeline.provider.fault("reset_before", path="/v1/payment_intents/*/confirm", count=times)

    def cut_captured(self, times: int) -> None:
        """Cut the provider's connection after it acted."""
        self.pipeline.provider.fault("reset_after", path="/v1/payment_intents/*/capture", count=times)

    def run(self, edit: Edit | None = None, **command: str) -> Ended:
        """Run one Express execution, of the deployed machine itself unless it is edited."""
        client = _workflow_client(self.pipeline.addresses.engine_url)
        ended = client.start_sync_execution(
            stateMachineArn=self._machine(client, edit),
            name=f"{command['order_id']}-{uuid.uuid4().hex[:12]}",
            input=json.dumps(command),
        )
        outcome = (
            str(json.loads(ended["output"])["step"]["outcome"]) if ended["status"] == "SUCCEEDED" else ""
        )
        return Ended(ended["status"], outcome, ended.get("error") or "")

    def _machine(self, client: Any, edit: Edit | None) -> str:
        deployed: str = self.pipeline.addresses.outputs["StateMachineArn"]
        if not edit:
            return deployed
        found = client.describe_state_machine(stateMachineArn=deployed)
        machine = json.loads(found["definition"])
        edit(machine)
        made = client.create_state_machine(
            name=f"edited-{uuid.uuid4().hex[:12]}",
            definition=json.dumps(machine),
            roleArn=found["roleArn"],
            type=found["type"],
        )
        return str(made["stateMachineArn"])

    def facts(self, order_id: OrderId) -> Facts:
        """Look at everything."""
        order = self._client.get(order_id)
        intents = self.pipeline.intents(order_id)
        return Facts(
            status=order["status"],
            payment_status=order["payment_status"],
            fulfillment_status=order["fulfillment_status"],
            reason=order["reason"],
            captured=sum(intent["captured"] for intent in intents),
            refunded=sum(intent["refunded"] for intent in intents),
            shipments=len(self.pipeline.shipments(order_id)),
            entries=len(self.pipeline.entries(order_id)),
            left=self.pipeline.on_hand(self.sku),
        )
