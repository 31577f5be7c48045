"""What is uploaded: importable, without compiled extensions, with byte code that will be used."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import pytest

from stacks.environments import BUILDING_RUNTIME
from stacks.errors import BuildError
from stacks.packaging import artefacts, bytecode
from stacks.packaging.artefacts import Artefact, build
from stacks.packaging.dependencies import built_once, prune, read_lock, refuse_compiled
from tests.stacks.templates import short_name

if TYPE_CHECKING:
    from stacks.packaging.artefacts import Build
    from tests.stacks.templates import Assembly

REGION: Final = "eu-central-1"
MEGABYTE: Final = 1024 * 1024
FUNCTIONS: Final = (
    "ingest",
    "dispatch",
    "validate",
    "payment",
    "fulfil",
    "watchdog",
    "replay",
    "alert",
    "seal",
)
# What Lambda's Python runtime brings; https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
RUNTIME_PACKAGES: Final = ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six")

# Imports a handler with nothing but its artefact and the runtime's packages to import from.
IMPORT_HANDLER: Final = """
import json, sys
from importlib.machinery import PathFinder

artefact, site, runtime, handler = json.loads(sys.argv[1])

class Runtime:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in runtime:
            return PathFinder.find_spec(name, [site] if path is None else path, target)
        return None

sys.path.insert(0, artefact)
sys.meta_path.append(Runtime)
module = __import__(handler, fromlist=["handle"])
assert callable(module.handle)
assert module.__file__.startswith(artefact), module.__file__
"""


@pytest.fixture(scope="module")
def built() -> Build:
    return build(BUILDING_RUNTIME)


def distinct(built: Build) -> list[Artefact]:
    return list({artefact.asset_hash: artefact for artefact in built.by_function.values()}.values())


def project_copy(folder: Path) -> Path:
    """The sources of the artefacts, with the packages that are already in the cache."""
    source, project = artefacts.PROJECT, folder / "project"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source / "lambdas", project / "lambdas", ignore=ignore)
    shutil.copytree(source / "requirements", project / "requirements")
    shutil.copytree(source / ".build" / "packages", project / ".build" / "packages", copy_function=os.link)
    return project


def test_payment_alone_carries_stripe(built: Build) -> None:
    assert set(built.by_function) == set(FUNCTIONS)
    for name, artefact in built.by_function.items():
        assert (artefact.folder / "stripe").is_dir() is (name == "payment")
        assert (artefact.folder / "aws_lambda_powertools").is_dir()
        assert not (artefact.folder / "boto3").exists()  # the runtime's own


def test_an_artefact_holds_its_functions_handlers_and_no_others(built: Build) -> None:
    for name, artefact in built.by_function.items():
        assert (artefact.folder / "lambdas" / name / "handler.py").is_file()
    others = built.by_function["ingest"].folder
    assert not (others / "lambdas" / "payment").exists()
    payment = built.by_function["payment"].folder
    assert not (payment / "lambdas" / "ingest").exists()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_starts_with_its_artefact_the_runtime_and_its_template_alone(
    built: Build, local: Assembly, name: str
) -> None:
    artefact = {str(function): a for function, a in built.by_function.items()}[name]
    site = str(Path(boto3.__file__).parents[1])
    given = json.dumps([str(artefact.folder), site, RUNTIME_PACKAGES, f"lambdas.{name}.handler"])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT_HANDLER, given],
        capture_output=True,
        text=True,
        check=False,
        cwd=artefact.folder,
        env={**variables(local, name), "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION},
    )
    assert done.returncode == 0, done.stderr


def variables(assembly: Assembly, function: str) -> dict[str, str]:
    """The environment that the template gives a function, with names for what it refers to."""
    properties = assembly.properties("AWS::Lambda::Function", f"{function.capitalize()}Function")
    given: dict[str, object] = properties["Environment"]["Variables"]
    addresses = ("ORDERS_QUEUE_URL", "PAYMENT_API_BASE", "WAREHOUSE_URL")
    return {
        key: "http://127.0.0.1/a/queue" if key in addresses else short_name(value)
        for key, value in given.items()
    }


def test_artefacts_are_small_and_hold_no_compiled_extension(built: Build) -> None:
    for artefact in distinct(built):
        refuse_compiled(artefact.folder)
        files = [path for path in artefact.folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        assert size < (40 if (artefact.folder / "stripe").is_dir() else 12) * MEGABYTE


def test_nothing_is_shipped_that_no_function_imports(built: Build) -> None:
    for artefact in distinct(built):
        names = {path.name for path in artefact.folder.rglob("*")}
        assert not names & {"tests", "bin", "RECORD", "INSTALLER", "WHEEL", "pip", "requests"}
        assert "METADATA" in names  # says what is deployed, and under which licence


def test_every_module_has_byte_code_that_is_used_whatever_the_files_time(built: Build) -> None:
    tag = sys.implementation.cache_tag
    for artefact in distinct(built):
        for source in artefact.folder.rglob("*.py"):
            compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
            header = compiled.read_bytes()[:8]
            assert header[:4] == importlib.util.MAGIC_NUMBER, compiled
            # PEP 552: bit 0 says checked by hash, not by time; bit 1 says look at the source
            assert int.from_bytes(header[4:], "little") == 0b01, compiled
        everything = set(artefact.folder.rglob("*.pyc"))
        assert {path.name.split(".")[-2] for path in everything} == {tag}


def test_tracebacks_show_lambdas_folder_and_not_this_machines(built: Build) -> None:
    project = str(artefacts.PROJECT).encode()
    for artefact in distinct(built):
        for compiled in artefact.folder.rglob("*.pyc"):
            assert project not in compiled.read_bytes(), compiled
    compiled = built.by_function["payment"].folder / "lambdas" / "payment" / "__pycache__"
    (handler,) = compiled.glob("handler.*.pyc")
    assert b"/var/task/lambdas/payment/handler.py" in handler.read_bytes()


def test_an_unchanged_source_gives_the_same_artefact(tmp_path: Path, built: Build) -> None:
    again = build(BUILDING_RUNTIME, project_copy(tmp_path))
    assert {name: a.asset_hash for name, a in again.by_function.items()} == {
        name: a.asset_hash for name, a in built.by_function.items()
    }


def test_a_change_reaches_the_artefacts_that_hold_it(tmp_path: Path, built: Build) -> None:
    project = project_copy(tmp_path)
    (project / "lambdas" / "payment" / "more.py").write_text("MORE = 1\n", "utf-8")
    changed = build(BUILDING_RUNTIME, project).by_function
    assert changed["payment"].asset_hash != built.by_function["payment"].asset_hash
    assert changed["ingest"].asset_hash == built.by_function["ingest"].asset_hash
    assert (changed["payment"].folder / "lambdas" / "payment" / "more.py").is_file()

    (project / "lambdas" / "domain" / "more.py").write_text("MORE = 1\n", "utf-8")
    shared = build(BUILDING_RUNTIME, project).by_function
    assert shared["ingest"].asset_hash != changed["ingest"].asset_hash


def test_the_cdk_takes_the_staged_artefacts_and_copies_nothing(local: Assembly) -> None:
    assets = list(local.folder.glob("asset.*"))
    assert len(assets) == 2
    for asset in assets:  # a copy would have one link
        assert (asset / "lambdas" / "__init__.py").stat().st_nlink > 1


def test_old_artefacts_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artefacts, "KEPT_ARTEFACTS", 2)
    project = project_copy(tmp_path)
    for number in range(3):
        (project / "lambdas" / "domain" / "more.py").write_text(f"MORE = {number}\n", "utf-8")
        current = build(BUILDING_RUNTIME, project)
    kept = list((project / ".build" / "artefacts").glob("payment-*"))
    assert len(kept) == 2
    assert current.by_function["payment"].folder in kept


def test_code_that_does_not_compile_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    project = project_copy(tmp_path)
    (project / "lambdas" / "domain" / "broken.py").write_text("def (:\n", "utf-8")
    with pytest.raises(BuildError, match=r"does not compile"):
        build(BUILDING_RUNTIME, project)
    assert list((project / ".build" / "artefacts").iterdir()) == []


def test_another_runtime_without_its_python_ships_no_byte_code_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artefacts, "install", lambda *_: no_packages(tmp_path))
    monkeypatch.setattr(artefacts, "interpreter_for", lambda _: None)
    without = build("python3.99", project_copy(tmp_path))
    assert without.notice
    assert "no working python3.99 on PATH" in without.notice
    assert "\n" not in without.notice
    for artefact in distinct(without):
        assert not list(artefact.folder.rglob("*.pyc"))


def no_packages(folder: Path) -> Path:
    packages = folder / "no-packages"
    packages.mkdir(exist_ok=True)
    return packages


def test_an_interpreter_is_asked_and_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    shim = tmp_path / "python3.99"
    assert bytecode.interpreter_for("python3.99") is None  # not there
    shim.write_text("#!/bin/sh\nexit 127\n", "utf-8")
    shim.chmod(0o755)
    assert bytecode.interpreter_for("python3.99") is None  # a version manager's shim
    shim.write_text("#!/bin/sh\necho python3.98\n", "utf-8")
    assert bytecode.interpreter_for("python3.99") is None  # another version
    shim.write_text("#!/bin/sh\necho python3.99\n", "utf-8")
    assert bytecode.interpreter_for("python3.99") == str(shim)
    assert bytecode.interpreter_for(BUILDING_RUNTIME) == sys.executable


@pytest.mark.parametrize("name", ["fast.so", "fast.cpython-311-x86_64-linux-gnu.so", "l.so.1"])
def test_a_compiled_extension_fails_the_build(tmp_path: Path, name: str) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / name).write_bytes(b"\x7fELF")
    with pytest.raises(BuildError, match="compiled for one kind of processor"):
        refuse_compiled(tmp_path)


def test_pruning_keeps_code_and_licences(tmp_path: Path) -> None:
    kept = ["one/__init__.py", "one-1.dist-info/METADATA", "one-1.dist-info/licenses/LICENSE"]
    gone = ["one/tests/test_one.py", "bin/one", "one/__pycache__/a.pyc", "one-1.dist-info/RECORD"]
    for name in [*kept, *gone]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    prune(tmp_path)
    files = (path for path in tmp_path.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(tmp_path)) for path in files) == sorted(kept)


def test_a_lock_without_hashes_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "functions.lock"
    with pytest.raises(BuildError, match="is missing"):
        read_lock(lock)
    lock.write_text("one==1.0\n", "utf-8")
    with pytest.raises(BuildError, match="one has no hash"):
        read_lock(lock)
    lock.write_text("# why\none==1.0 \\\n    --hash=sha256:00\n    # via two\n", "utf-8")
    assert read_lock(lock) == {"one": "one==1.0 \\\n    --hash=sha256:00"}


def test_a_package_that_no_artefact_names_is_refused(tmp_path: Path) -> None:
    project = project_copy(tmp_path)
    lock = project / "requirements" / "functions.lock"
    lock.write_text(lock.read_text("utf-8") + "new==1 \\\n    --hash=sha256:00\n", "utf-8")
    with pytest.raises(BuildError, match="differ in new"):
        build(BUILDING_RUNTIME, project)


def test_a_folder_is_built_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "cache" / "folder"
    with pytest.raises(RuntimeError), built_once(target):
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with built_once(target) as folder:
        assert folder
        (folder / "file").touch()
    with built_once(target) as again:
        assert again is None
    assert [path.name for path in target.iterdir()] == ["file"]


def test_of_two_builds_at_once_one_is_used(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    with built_once(target) as slow:
        assert slow
        (slow / "slow").touch()
        with built_once(target) as quick:
            assert quick
            (quick / "quick").touch()
    assert [path.name for path in target.iterdir()] == ["quick"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
