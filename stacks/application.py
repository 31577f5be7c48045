"""The one place where an environment's stacks are put together."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, DefaultStackSynthesizer, Tags

from stacks.access import AccessStack
from stacks.api import ApiStack
from stacks.environments import CONTEXT_KEYS, settings_for
from stacks.operations import OperationsStack
from stacks.packaging.artefacts import PROJECT, build, stage
from stacks.seal import SealStack
from stacks.storage import StorageStack
from stacks.workflow import WorkflowStack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def new_app() -> App:
    """An app with the context of `cdk.json`, whether or not the CDK's command line started it.

    The same template must come out of `cdk deploy` and of `stacks.synthesis`, so nothing that only
    one of them sets may reach it.
    """
    return App(
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        context=json.loads((PROJECT / "cdk.json").read_text("utf-8"))["context"],
        analytics_reporting=False,
        tree_metadata=False,
        stack_traces=False,
        # cdk bootstrap's version is checked by the command line; the rule in the template would
        # only add a parameter that the embedded engine has to be fed.
        default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )


def compose(app: App, say: Callable[[str], None]) -> None:
    """Add the stacks of the environment that the context names.

    No account and no region: CloudFormation knows them, and synthesis needs neither.

    Args:
        app: its context chooses the environment (`env`, default `local`) and its settings.
        say: gets what a person should know, a line at a time.

    Raises:
        SynthesisError: the settings are not safe, or an artefact could not be built.
    """
    environment = app.node.try_get_context("env") or "local"
    settings = settings_for(str(environment), _settings_context(app))
    built = build(settings.runtime)
    stage(built, Path(app.outdir))
    if built.notice:
        say(built.notice)
    name = settings.stack_prefix

    storage = StorageStack(
        app, f"{name}-storage", settings, termination_protection=settings.deletion_protection
    )
    workflow = WorkflowStack(app, f"{name}-workflow", settings=settings, storage=storage, build=built)
    api = ApiStack(app, f"{name}-api", settings=settings, storage=storage, build=built)
    seal = SealStack(
        app,
        f"{name}-seal",
        settings=settings,
        storage=storage,
        build=built,
        termination_protection=settings.deletion_protection,
    )
    AccessStack(app, f"{name}-access", settings=settings, storage=storage, log=seal.log)
    if settings.alarms:
        OperationsStack(
            app,
            f"{name}-operations",
            settings=settings,
            storage=storage,
            workflow=workflow,
            api=api,
            seal=seal,
        )
    Tags.of(app).add("application", "orders")
    Tags.of(app).add("environment", settings.environment)


def _settings_context(app: App) -> Mapping[str, str]:
    given = {key: app.node.try_get_context(key) for key in CONTEXT_KEYS}
    return {key: str(value) for key, value in given.items() if value is not None}
