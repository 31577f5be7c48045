"""The workflow from every state of the model, in every situation that the world around it may be in.

Each run is one whole execution over the real definition. All that it writes has to be a transition of the
model; and every transition of the model has to be made by some run: it promises no more than there is.
"""

from __future__ import annotations

import pytest

from lambdas.domain.commands import refund_command
from lambdas.domain.workflow import ExecutionState
from tests.fakes.pipeline import Pipeline
from tests.fakes.refunding import sold
from tests.model.observed import Watched, WatchedHeads, contradictions, state_of
from tests.model.order_life import TRANSITIONS, State
from tests.model.situations import Stage, impossible_situations, possible_situations
from tests.properties.walk import Bus, Walk

SMALL_REFUNDS = (100, 200, 600)


def test_an_execution_moves_an_order_as_the_model_says() -> None:
    for situation in possible_situations():
        stage = Stage(situation)
        after = stage.run()
        assert stage.watched.forbidden == [], situation
        if not situation.by_hand:
            assert contradictions(stage.pipeline) == [], (situation, after)


def test_where_no_program_can_be_right_the_order_stays_within_the_model() -> None:
    for situation in impossible_situations():
        stage = Stage(situation)
        stage.run()
        assert stage.watched.forbidden == [], situation


@pytest.mark.parametrize("amounts", [(900,), (400, 500), SMALL_REFUNDS])
def test_a_refund_moves_an_order_as_the_model_says(amounts: tuple[int, ...]) -> None:
    assert refund(amounts).forbidden == []


def test_every_transition_of_the_model_is_made() -> None:
    seen = refund((900,)).steps | refund(SMALL_REFUNDS).steps
    for situation in possible_situations():
        stage = Stage(situation)
        stage.run()
        seen |= stage.watched.steps
    assert [step for step in TRANSITIONS if step[1:] not in seen and step.before != step.after] == []


def refund(amounts: tuple[int, ...]) -> Watched:
    """Refund all of a sold order in so many parts."""
    pipeline, watched = Pipeline(), Watched()
    order_id = sold(pipeline)
    pipeline.orders.heads = WatchedHeads(watched, pipeline.orders.heads)
    for number, amount in enumerate(amounts):
        refund_id = pipeline.ask_refund(order_id, f"refund-{number}", amount=amount)
        walk = Walk(pipeline, Bus(), refund_command(order_id, refund_id), f"x{number}")
        assert walk.finish().state is ExecutionState.SUCCEEDED
        assert contradictions(pipeline) == []
    assert state_of(pipeline.head(order_id)) == State("completed", "refunded", "shipped")
    return watched
