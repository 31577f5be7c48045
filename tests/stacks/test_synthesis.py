"""Synthesis: the same again, valid, and plain about what stops it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cfnlint.api import lint_file

from stacks import synthesis
from stacks.constructs.process import read_definition
from stacks.errors import DefinitionError, NodeMissingError, SettingsError, SynthesisError
from stacks.fingerprint import sources_fingerprint
from stacks.synthesis import synthesise, synthesise_if_changed

if TYPE_CHECKING:
    from tests.stacks.templates import Assembly

SUBSTITUTIONS = {"ValidateFunction", "PaymentFunction", "FulfilFunction", "EventBus", "EventSource"}


def test_a_second_synthesis_is_identical(assemblies: dict[str, Assembly]) -> None:
    first, second = assemblies["local"].folder, assemblies["local again"].folder
    # metadata.json holds stack traces with jsii's temporary folder: for people, not deployed
    names, again = (
        sorted(path.name for path in folder.glob("*.json") if "metadata" not in path.name)
        for folder in (first, second)
    )
    assert len(names) == 11
    assert names == again
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    folders = sorted(path.name for path in first.iterdir() if path.is_dir())
    assert folders == sorted(path.name for path in second.iterdir() if path.is_dir())
    assert len(folders) == 2


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_the_templates_are_clean_to_cfn_lint(assemblies: dict[str, Assembly], environment: str) -> None:
    matches = [
        match
        for path in sorted(assemblies[environment].folder.glob("*.template.json"))
        for match in lint_file(path)
    ]
    assert [str(match) for match in matches] == []


@pytest.mark.parametrize("environment", ["local", "prod"])
def test_no_account_no_region_and_no_custom_resource(
    assemblies: dict[str, Assembly], environment: str
) -> None:
    assembly = assemblies[environment]
    manifest = json.loads((assembly.folder / "manifest.json").read_text("utf-8"))
    stacks = {
        name: artifact
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert set(stacks) == {f"orders-{environment}-{name}" for name in assembly.templates}
    for stack in stacks.values():
        assert stack["environment"] == "aws://unknown-account/unknown-region"
    for template in assembly.templates.values():
        for resource in template["Resources"].values():
            assert not resource["Type"].startswith(("Custom::", "AWS::CloudFormation::Custom"))


def test_the_assembly_names_no_folder_of_this_machine(local: Assembly) -> None:
    project = str(Path(synthesis.__file__).resolve().parents[1])
    for path in local.folder.glob("*.json"):
        assert project not in path.read_text("utf-8"), path.name


def test_unsafe_settings_stop_it_by_their_type(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no authentication"):
        synthesise("prod", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_node_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JSII_NODE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeMissingError) as caught:
        synthesise("local", tmp_path / "out")
    assert "Node.js is missing" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_app_py_says_last_becomes_the_error(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    (project / "app.py").write_text("raise SystemExit('orders: the reason')\n", "utf-8")
    with pytest.raises(SynthesisError, match=r"^the reason$"):
        synthesise("local", tmp_path / "out", project=project)


def test_a_notice_before_a_crash_does_not_hide_the_crash(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    (project / "app.py").write_text(
        "import sys\nsys.stderr.write('orders: by the way\\n')\n{}['missing']\n", "utf-8"
    )
    with pytest.raises(SynthesisError, match=r"^by the way KeyError: 'missing'$"):
        synthesise("local", tmp_path / "out", project=project)


def project_of(folder: Path) -> Path:
    """A project whose app.py only counts how often it ran."""
    project = folder / "project"
    for name in ("stacks", "lambdas", "statemachines", "requirements"):
        (project / name).mkdir(parents=True)
    (project / "app.py").write_text(
        "import pathlib\n"
        "runs = pathlib.Path('runs')\n"
        "runs.write_text((runs.read_text() if runs.exists() else '') + '.')\n",
        "utf-8",
    )
    (project / "lambdas" / "one.py").write_text("ONE = 1\n", "utf-8")
    return project


def test_it_runs_again_only_when_a_source_or_a_setting_changes(tmp_path: Path) -> None:
    project, outdir = project_of(tmp_path), tmp_path / "out"

    def runs(**context: str) -> int:
        synthesise_if_changed("local", outdir, context, project=project)
        return len((project / "runs").read_text("utf-8"))

    assert (runs(), runs()) == (1, 1)
    assert (runs(log_level="DEBUG"), runs(log_level="DEBUG")) == (2, 2)
    (project / "lambdas" / "one.py").write_text("ONE = 2\n", "utf-8")
    assert runs(log_level="DEBUG") == 3
    (project / "statemachines" / "process_order.asl.json").write_text("{}", "utf-8")
    assert runs(log_level="DEBUG") == 4


def test_of_two_at_once_one_runs_and_both_find_it_made(tmp_path: Path) -> None:
    project, outdir = project_of(tmp_path), tmp_path / "new" / "out"
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(synthesise_if_changed, "local", outdir, project=project) for _ in range(4)]
    assert {future.result() for future in made} == {outdir}
    assert len((project / "runs").read_text("utf-8")) == 1


def test_a_failed_synthesis_is_tried_again(tmp_path: Path) -> None:
    project, outdir = project_of(tmp_path), tmp_path / "out"
    good = (project / "app.py").read_text("utf-8")
    (project / "app.py").write_text("raise SystemExit('orders: no')\n", "utf-8")
    with pytest.raises(SynthesisError):
        synthesise_if_changed("local", outdir, project=project)
    (project / "app.py").write_text(good, "utf-8")
    assert synthesise_if_changed("local", outdir, project=project) == outdir


def test_the_fingerprint_is_of_names_and_contents_and_not_of_byte_code(tmp_path: Path) -> None:
    project = project_of(tmp_path)
    before = sources_fingerprint("local", project=project)
    (project / "lambdas" / "__pycache__").mkdir()
    (project / "lambdas" / "__pycache__" / "one.cpython-311.pyc").write_bytes(b"x")
    assert sources_fingerprint("local", project=project) == before
    assert sources_fingerprint("dev", project=project) != before
    (project / "lambdas" / "one.py").rename(project / "lambdas" / "two.py")
    assert sources_fingerprint("local", project=project) != before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ('{"TimeoutSeconds": 180, "Comment": "${Bus}"}', "uses Bus"),
        ('{"TimeoutSeconds": 170}', "must have TimeoutSeconds 180"),
        ("{}", "must have TimeoutSeconds 180"),
    ],
)
def test_a_definition_at_odds_with_the_stacks_is_refused(
    tmp_path: Path, text: str | None, reason: str
) -> None:
    path = tmp_path / "process_order.asl.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(DefinitionError, match=reason):
        read_definition(path, SUBSTITUTIONS)
