"""What pages an operator: alarms on one topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from lambdas.domain.watch import STUCK_AFTER
from stacks.constructs.alarms import Alarms
from stacks.incident_alarms import alarm_incidents
from stacks.outage_alarm import PERIOD_SECONDS, remembered_periods

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.api import ApiStack
    from stacks.seal import SealStack
    from stacks.settings import Settings
    from stacks.storage import StorageStack
    from stacks.workflow import WorkflowStack

_FIVE_MINUTES = Duration.minutes(5)


class OperationsStack(Stack):
    """Alarms, each with what to do about it in its description.

    They notify one topic. Who listens is not in the template: operators subscribe to it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        storage: StorageStack,
        workflow: WorkflowStack,
        api: ApiStack,
        seal: SealStack,
        **kwargs: Any,  # noqa: ANN401 - Stack's own keywords
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        self._settings = settings
        # Not encrypted with a key of our own: CloudWatch cannot publish to a topic under the key
        # that SNS manages, and an alarm holds nothing but names and numbers.
        self._topic = sns.Topic(self, "Alarms", enforce_ssl=True)
        # A topic's own policy replaces the default one, under which alarms may publish:
        # https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self._topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        self._alarms = Alarms(self, self._topic, settings)
        self._queues(storage)
        self._workflow(workflow)
        self._outage()
        self._watchdog(workflow)
        self._seal(seal)
        alarm_incidents(self._alarms, workflow.replay, workflow.alert)
        self._alarms.add(
            "ApiServerErrors",
            api.api.metric_server_error(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=5,
            periods=1,
            why="The API answered 5xx. Clients retry; see the ingest function's errors.",
        )
        CfnOutput(self, "AlarmTopicArn", value=self._topic.topic_arn)

    def _queues(self, storage: StorageStack) -> None:
        letters, orders = storage.queues.dead_letters, storage.queues.queue
        self._alarms.add(
            "DeadLetters",
            # In flight counts too: whoever reads the queue hides what it reads.
            cloudwatch.MathExpression(
                expression="visible + in_flight",
                label="dead letters",
                period=_FIVE_MINUTES,
                using_metrics={
                    "visible": letters.metric_approximate_number_of_messages_visible(
                        period=_FIVE_MINUTES, statistic="Maximum"
                    ),
                    "in_flight": letters.metric_approximate_number_of_messages_not_visible(
                        period=_FIVE_MINUTES, statistic="Maximum"
                    ),
                },
            ),
            threshold=0,
            periods=3,
            why=(
                "Letters are on the dead-letter queue for 15 minutes: `replay` does not drain them (see its"
                " errors), or they are no commands of ours and go after 24 minutes. Each is kept for 14 days."
            ),
        )
        self._alarms.add(
            "OrdersWaiting",
            orders.metric_approximate_age_of_oldest_message(period=_FIVE_MINUTES, statistic="Maximum"),
            threshold=15 * 60,
            periods=3,
            why="An order has waited for over 15 minutes: dispatch is behind, or steps fail.",
        )

    def _workflow(self, workflow: WorkflowStack) -> None:
        dispatch, machine = workflow.dispatch, workflow.machine
        self._alarms.add(
            "DispatchErrors",
            dispatch.metric_errors(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=0,
            periods=1,
            why="dispatch itself failed: its whole batch comes back after 20 minutes.",
        )
        self._alarms.add(
            "DispatchThrottles",
            dispatch.metric_throttles(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=0,
            periods=3,
            why="dispatch is throttled: throttled batches burn receives on the way to dead letters.",
        )
        self._alarms.add(
            "ExecutionsFailed",
            machine.metric_failed(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=10,
            periods=2,
            why="Executions fail and are retried from the queue. Which step: the workflow's log.",
        )
        self._alarms.add(
            "ExecutionsTimedOut",
            machine.metric_timed_out(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=0,
            periods=1,
            why="Executions outlast 180 s, which the steps' own timeouts should not let happen.",
        )
        self._alarms.add(
            "PaymentOutcomesUnknown",
            self._alarms.written("dispatch", "PaymentOutcomesUnknown", period=_FIVE_MINUTES),
            threshold=0,
            periods=3,
            why=(
                "For 15 minutes executions end without knowing whether the provider moved money. Each order"
                " is tried again and looks at its payment first: charge and refund nothing by hand. See the"
                " provider's status page, and `orders trace ID` of one in the payment function's log."
            ),
        )

    def _outage(self) -> None:
        self._alarms.add(
            "OutsideDown",
            # The breaker opens once, whatever the number of instances. Orders are parked for as long as it
            # is open, and without it where there are too few orders to open it.
            cloudwatch.MathExpression(
                expression="opened + parked",
                label="signs of an outage outside",
                period=Duration.seconds(PERIOD_SECONDS),
                using_metrics={
                    "opened": self._alarms.written("dispatch", "BreakerOpened"),
                    "parked": self._alarms.written("dispatch", "OrdersParked"),
                },
            ),
            threshold=0,
            periods=remembered_periods(self._settings),
            datapoints=1,
            why=(
                "The payment provider or the warehouse does not answer. Orders wait on the queue and start"
                " again by themselves when it is back: replay nothing. See their status pages, and which step"
                " fails: `breaker opened` in dispatch's log. If they are up, look at our secrets and network."
            ),
        )

    def _watchdog(self, workflow: WorkflowStack) -> None:
        watchdog = workflow.watchdog
        # Over three runs: in a span of one there may be none, and the alarm would go off and on.
        three_runs = Duration.minutes(3 * self._settings.watchdog_minutes)
        self._alarms.add(
            "WatchdogErrors",
            watchdog.metric_errors(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=0,
            periods=1,
            why="The watchdog could not look after some open orders. It tries again; see its log.",
        )
        self._alarms.add(
            "WatchdogSilent",
            watchdog.metric_invocations(period=three_runs, statistic="Sum"),
            threshold=1,
            periods=1,
            why="The watchdog does not run: orders that lost their message stay where they are.",
            below=True,
        )
        self._alarms.add(
            "OrdersStuck",
            self._alarms.written("watchdog", "OrdersStuck", period=_FIVE_MINUTES),
            threshold=0,
            periods=1,
            why=(
                f"Orders were put on the queue {STUCK_AFTER} times before and nothing has moved them. Which:"
                " `order stuck` in the watchdog's log. Why: `orders trace ID`, and dispatch's log."
            ),
        )
        self._alarms.add(
            "AuthorisationsExpiring",
            self._alarms.written(
                "watchdog", "AuthorisationsExpiring", period=three_runs, statistic="Maximum"
            ),
            threshold=0,
            periods=1,
            why=(
                f"Orders are authorised for {self._settings.authorisation_warning_days} days and not"
                f" captured. At {self._settings.authorisation_expiry_days} days they are rejected, unless"
                f" held: `orders hold ID --env {self._settings.environment}`. Which they are: the"
                " watchdog's log."
            ),
        )

    def _seal(self, seal: SealStack) -> None:
        three_runs = Duration.minutes(3 * self._settings.seal_minutes)
        self._alarms.add(
            "SealErrors",
            seal.function.metric_errors(period=_FIVE_MINUTES, statistic="Sum"),
            threshold=0,
            periods=1,
            why=(
                "The sealer failed, or met items that are no entries. A LogForked in its log means that"
                " sealed files or entries were changed: run `orders ledger verify`, and keep everybody out."
            ),
        )
        self._alarms.add(
            "SealSilent",
            seal.function.metric_invocations(period=three_runs, statistic="Sum"),
            threshold=1,
            periods=1,
            why="The sealer does not run: the time in which an entry could be changed unseen grows.",
            below=True,
        )
        self._alarms.add(
            "EntriesLate",
            self._alarms.written("seal", "EntriesLate", period=three_runs),
            threshold=0,
            periods=1,
            why=(
                "Entries appeared after their grace. They are sealed now; the sealer's log names them. Find"
                " out who booked them, and whether the grace is too short."
            ),
        )
