"""The runbooks name no command, step or error class that there is not, and leave none out."""

from __future__ import annotations

import re
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

from lambdas.domain import errors
from lambdas.domain.errors import PagerRefused, PagerUnavailable, PipelineError, TransientError
from lambdas.domain.failure import UNREADABLE
from lambdas.domain.identifiers import OrderId, failure_id_for, fingerprint_for
from orders.cli.main import command_parser
from tests.unit.docs.runbooks import (
    ERROR_CLASSES,
    FOLDER,
    INDEX,
    commands,
    commands_of,
    page_of,
    pages,
    states,
    steps,
    words_of,
)

PAGES: Final = pages()
ORDER: Final = "ord_" + "a" * 26
REFUND: Final = "ref_" + "a" * 26
VARIABLES: Final = {
    "ENV": "prod",
    "GROUP": fingerprint_for("capture", "LedgerConflict", ""),
    "ORDER": ORDER,
    "REFUND": REFUND,
    "FAILURE": failure_id_for(OrderId(ORDER)),
    "PLAN": "plan_a",
    "INCIDENT": "Q1",
    "SINCE": "1795650000000",
    "DEAD_LETTERS": "https://sqs.example.com/dead",
    "ORDERS_QUEUE": "https://sqs.example.com/orders",
    "STATE_MACHINE": "arn:aws:states:us-east-1:000000000000:stateMachine:orders-prod",
    "UNREADABLE_BUCKET": "unreadable",
    "KEY": "unreadable/2026-11-26/a",
    "MAPPING": "14e0db71-5d35-4eb5-b481-8945cf9d10c2",
}
SECTIONS: Final = ["What customers see", "First look", "Decide", "Mend", "Close"]
# What an execution of an order never ends with: it pages nobody.
PAGING: Final = {PagerRefused, PagerUnavailable}
_LINK: Final = re.compile(r"\]\(([^)#\s]*)(?:#[^)]*)?\)")
_CLASS: Final = re.compile(r"`((?:[A-Z]\w+\.)?[A-Z][A-Za-z]+|unknown)`")


def of_program(name: str) -> list[list[str]]:
    """Return the commands of a program, split."""
    return [words_of(command, VARIABLES) for command in commands() if command.split()[0] == name]


def error_classes() -> set[str]:
    """Return the classes that an execution may end with by the state machine's and our own words."""
    retried = {
        name for state in states() for retry in state.get("Retry", []) for name in retry["ErrorEquals"]
    }
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, PipelineError) and value not in PAGING
    }
    return (retried | raised) - {"States.ALL", PipelineError.__name__, TransientError.__name__}


def test_a_page_has_commands_of_these_programs_only() -> None:
    programs = {command.split()[0] for command in commands()}
    assert programs == {"orders", "aws", "export"}


@pytest.mark.parametrize("words", of_program("orders"), ids=" ".join)
def test_the_program_takes_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        command_parser().parse_args(words)
    except SystemExit:
        pytest.fail(capsys.readouterr().err)


@pytest.mark.parametrize("words", of_program("aws"), ids=lambda words: " ".join(words[:2]))
def test_aws_has_every_operation_and_parameter(words: list[str]) -> None:
    service = {"s3api": "s3"}.get(words[0], words[0])
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert words[1] in operations
    taken = model.operation_model(operations[words[1]]).input_shape
    assert taken is not None
    options = {f"--{xform_name(name, '-')}" for name in taken.members}
    # A switch of the command line's own, as for every boolean.
    options |= {f"--no-{name[2:]}" for name in options}
    assert {word for word in words[2:] if word.startswith("--")} <= options


@pytest.mark.parametrize("name", sorted(steps()))
def test_every_step_has_a_page_with_all_parts(name: str) -> None:
    text = PAGES[page_of(name)]
    assert text.startswith(f"# `{name}`: ")
    assert f"[`{name}`]({page_of(name)}.md)" in PAGES[INDEX]


@pytest.mark.parametrize("page", sorted(PAGES.keys() - {INDEX, ERROR_CLASSES}))
def test_every_page_says_what_to_do_until_it_is_closed(page: str) -> None:
    assert re.findall(r"^## (.*)$", PAGES[page], re.MULTILINE) == SECTIONS
    for section in re.split(r"^## ", PAGES[page], flags=re.MULTILINE)[1:]:
        assert len(section.split("\n", 1)[1].strip()) > 0
    first_look = PAGES[page].partition("## First look")[2].partition("## Decide")[0]
    assert commands_of(first_look)
    assert f"({page}.md)" in PAGES[INDEX]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_link_leads_to_a_page(page: str) -> None:
    for target in _LINK.findall(PAGES[page]):
        assert target == "" or (FOLDER / target).is_file(), target


def test_every_error_class_is_explained() -> None:
    explained = set(_CLASS.findall("\n".join(_first_cells(ERROR_CLASSES))))
    assert error_classes() <= explained


@pytest.mark.parametrize("name", sorted(steps() - {UNREADABLE}))
def test_a_page_names_no_error_class_that_there_is_not(name: str) -> None:
    named = set(_CLASS.findall("\n".join(_first_cells(page_of(name)))))
    known = set(_CLASS.findall("\n".join(_first_cells(ERROR_CLASSES))))
    assert named <= known
    assert named


def _first_cells(page: str) -> list[str]:
    """Return the first column of a page's table."""
    rows = [line for line in PAGES[page].splitlines() if line.startswith("| ")]
    return [row.split("|")[1] for row in rows[2:]]
