"""The workflow: dispatch, the steps' functions, the state machine, the bus, and what looks after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnOutput, CfnParameter, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_

from stacks.constructs.function import PythonFunction
from stacks.constructs.incidents import Alert, Replay
from stacks.constructs.permissions import IN_TRANSACTION, ONLY_THE_BREAKER, allow
from stacks.constructs.process import ProcessOrder
from stacks.constructs.watchdog import Watchdog
from stacks.packaging.artefacts import PROJECT
from stacks.timeouts import MAX_RECEIVES, claim_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_stepfunctions as sfn
    from constructs import Construct

    from stacks.packaging.artefacts import Build
    from stacks.settings import Settings
    from stacks.storage import StorageStack
    from stacks.timeouts import FunctionName


class WorkflowStack(Stack):
    """Everything between the queue and the order's outcome. It holds no state."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        build: Build,
        **kwargs: Any,  # noqa: ANN401 - Stack's own keywords
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        self._settings, self._storage, self._build = settings, storage, build
        self._payment_api = self._address("PaymentApiBase", settings.payment_api_base)
        self._warehouse_url = self._address("WarehouseUrl", settings.warehouse_url)
        pagerduty_url = self._address("PagerDutyUrl", settings.pagerduty_url)

        self.bus = events.EventBus(self, "Bus", event_bus_name=settings.stack_prefix)
        self.machine = self._machine(self._validate(), self._payment(), self._fulfil())
        self.dispatch = self._dispatch()
        self.watchdog = Watchdog(
            self, "Watchdog", artefact=build.by_function["watchdog"], settings=settings, storage=storage
        ).function
        self.replay = Replay(
            self,
            "Replay",
            artefact=build.by_function["replay"],
            settings=settings,
            storage=storage,
            pagerduty_url=pagerduty_url,
        ).function
        self.alert = Alert(
            self,
            "Alert",
            artefact=build.by_function["alert"],
            settings=settings,
            storage=storage,
            pagerduty_url=pagerduty_url,
        ).function

        CfnOutput(self, "StateMachineArn", value=self.machine.state_machine_arn)
        CfnOutput(self, "EventBusName", value=self.bus.event_bus_name)
        CfnOutput(self, "PaymentApiUrl", value=self._payment_api)
        CfnOutput(self, "WarehouseApiUrl", value=self._warehouse_url)
        CfnOutput(self, "PagerDutyApiUrl", value=pagerduty_url)

    def _address(self, id_: str, default: str | None) -> str:
        """The address itself; without one, and in the local run, a parameter of the template.

        `cdk deploy` keeps a parameter's previous value and ignores a new default, so a setting
        would be heard once and never again (https://github.com/aws/aws-cdk/issues/7576). The
        local run passes its stand-ins' addresses, so that its template is the same for all ports.
        """
        if self._settings.environment != "local" and default is not None:
            return default
        scheme = "https?" if self._settings.environment == "local" else "https"
        return CfnParameter(
            self,
            id_,
            type="String",
            default=default,
            allowed_pattern=f"^{scheme}://[^\\s/]+(/\\S*)?$",
            constraint_description=f"an {scheme}:// address",
        ).value_as_string

    def _function(
        self,
        name: FunctionName,
        environment: Mapping[str, str],
        statements: Sequence[iam.PolicyStatement],
        reserved_concurrency: int | None = None,
        depends_on_parameter: str | None = None,
    ) -> lambda_.Function:
        return PythonFunction(
            self,
            name.capitalize(),
            name=name,
            artefact=self._build.by_function[name],
            settings=self._settings,
            environment=environment,
            statements=statements,
            reserved_concurrency=reserved_concurrency,
            depends_on_parameter=depends_on_parameter,
        ).function

    def _validate(self) -> lambda_.Function:
        orders, inventory = self._storage.orders, self._storage.inventory
        return self._function(
            "validate",
            {
                "ORDERS_TABLE": orders.table_name,
                "INVENTORY_TABLE": inventory.table_name,
                "CLAIM_SECONDS": str(claim_seconds()),
            },
            [
                allow("dynamodb", "UpdateItem GetItem", orders.table_arn),
                allow("dynamodb", "BatchGetItem", inventory.table_arn),
            ],
        )

    def _payment(self) -> lambda_.Function:
        storage = self._storage
        orders, ledger = storage.orders.table_arn, storage.ledger.table_arn
        return self._function(
            "payment",
            {
                "ORDERS_TABLE": storage.orders.table_name,
                "LEDGER_TABLE": storage.ledger.table_name,
                "IDEMPOTENCY_TABLE": storage.idempotency.table_name,
                "PAYMENT_SECRET_ID": storage.payment_secret.secret_arn,
                "PAYMENT_API_BASE": self._payment_api,
            },
            [
                allow("dynamodb", "GetItem UpdateItem", orders),
                allow("dynamodb", "PartiQLUpdate", orders, conditions=IN_TRANSACTION),
                allow("dynamodb", "PartiQLInsert", ledger, conditions=IN_TRANSACTION),
                allow("dynamodb", "GetItem", ledger),
                allow(
                    "dynamodb",
                    "GetItem PutItem UpdateItem DeleteItem",
                    storage.idempotency.table_arn,
                ),
                allow("secretsmanager", "GetSecretValue", storage.payment_secret.secret_arn),
            ],
            depends_on_parameter=self._payment_api,
        )

    def _fulfil(self) -> lambda_.Function:
        storage = self._storage
        return self._function(
            "fulfil",
            {
                "ORDERS_TABLE": storage.orders.table_name,
                "INVENTORY_TABLE": storage.inventory.table_name,
                "WAREHOUSE_SECRET_ID": storage.warehouse_secret.secret_arn,
                "WAREHOUSE_URL": self._warehouse_url,
            },
            [
                allow(
                    "dynamodb",
                    "GetItem Query UpdateItem PutItem DeleteItem ConditionCheckItem",
                    storage.orders.table_arn,
                ),
                allow("dynamodb", "UpdateItem BatchGetItem", storage.inventory.table_arn),
                allow("secretsmanager", "GetSecretValue", storage.warehouse_secret.secret_arn),
            ],
            depends_on_parameter=self._warehouse_url,
        )

    def _machine(
        self, validate: lambda_.Function, payment: lambda_.Function, fulfil: lambda_.Function
    ) -> sfn.StateMachine:
        versions = {
            "ValidateFunction": validate.current_version.function_arn,
            "PaymentFunction": payment.current_version.function_arn,
            "FulfilFunction": fulfil.current_version.function_arn,
        }
        return ProcessOrder(
            self,
            "Process",
            definition=PROJECT / "statemachines" / "process_order.asl.json",
            substitutions={
                **versions,
                "EventBus": self.bus.event_bus_name,
                "EventSource": f"orders.{self._settings.environment}",
            },
            settings=self._settings,
            statements=[
                # Any version: the role changes before the definition does, and executions under
                # way still call the version that they started with.
                allow(
                    "lambda", "InvokeFunction", *(f"{f.function_arn}:*" for f in (validate, payment, fulfil))
                ),
                allow("events", "PutEvents", self.bus.event_bus_arn),
            ],
        ).machine

    def _dispatch(self) -> lambda_.Function:
        queue, orders = self._storage.queues.queue, self._storage.orders
        idempotency, failures = self._storage.idempotency, self._storage.failures
        function = self._function(
            "dispatch",
            {
                "STATE_MACHINE_ARN": self.machine.state_machine_arn,
                "ORDERS_QUEUE_URL": queue.queue_url,
                "ORDERS_TABLE": orders.table_name,
                "MAX_RECEIVES": str(MAX_RECEIVES),
                "STARTS_PER_SECOND": f"{self._settings.starts_per_second:.4g}",
                "IDEMPOTENCY_TABLE": idempotency.table_name,
                "PROBE_SECONDS": f"{self._settings.probe_seconds:g}",
                "REDELIVERY_DELAYS": ",".join(map(str, self._settings.redelivery_delays)),
                "FAILURES_TABLE": failures.table_name,
                "CODE_VERSION": self._build.by_function["dispatch"].asset_hash[:12],
            },
            [
                allow("states", "StartSyncExecution", self.machine.state_machine_arn),
                allow(
                    "sqs",
                    "ReceiveMessage DeleteMessage GetQueueAttributes ChangeMessageVisibility SendMessage",
                    queue.queue_arn,
                ),
                allow("dynamodb", "UpdateItem", orders.table_arn),
                allow("dynamodb", "PutItem", failures.table_arn),
                # The breaker's item and no record of a payment.
                allow("dynamodb", "GetItem PutItem", idempotency.table_arn, conditions=ONLY_THE_BREAKER),
            ],
            reserved_concurrency=self._settings.reserved_concurrency,
        )
        lambda_.EventSourceMapping(
            self,
            "DispatchOrders",
            target=function,
            event_source_arn=queue.queue_arn,
            batch_size=self._settings.batch_size,
            max_concurrency=self._settings.maximum_concurrency,
            report_batch_item_failures=True,
        )
        return function
