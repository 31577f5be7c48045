"""What each Lambda function's code is made of, and the folders that the CDK uploads.

Payment alone holds `stripe`; the other functions share one artefact, so that five of six cold
starts do not load what they never import. An artefact's hash is computed from its sources, not from
the built files: an unchanged source gives the same hash on every machine that builds with the same
byte code, and the CDK need not read some three thousand files to find out.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stacks.errors import BuildError
from stacks.packaging.bytecode import compile_folder, interpreter_for
from stacks.packaging.dependencies import FORMAT, built_once, install, read_lock, refuse_compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stacks.timeouts import FunctionName

PROJECT: Final = Path(__file__).resolve().parents[2]
KEPT_ARTEFACTS: Final = 4  # of each name: a few last builds, so that going back is quick

_SHARED_CODE: Final = ("domain", "services", "adapters")
_SHARED_PACKAGES: Final = ("aws-lambda-powertools", "jmespath", "typing-extensions")
_FUNCTIONS: Final[Mapping[str, tuple[FunctionName, ...]]] = {
    "functions": ("ingest", "dispatch", "validate", "fulfil", "watchdog", "replay", "alert", "seal"),
    "payment": ("payment",),
}
# Installed one by one into the cache, so that a new stripe does not install powertools again.
_PACKAGES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "functions": (_SHARED_PACKAGES,),
    "payment": (_SHARED_PACKAGES, ("stripe",)),
}


@dataclass(frozen=True, slots=True)
class Artefact:
    """A folder to upload, and the hash that stands for its content."""

    folder: Path
    asset_hash: str


@dataclass(frozen=True, slots=True)
class Build:
    """The artefact of each function; `notice` says in one line what a deployment should know."""

    by_function: Mapping[FunctionName, Artefact]
    notice: str | None


def build(runtime: str, project: Path = PROJECT) -> Build:
    """Build the artefacts for `runtime`, or find them built.

    Args:
        runtime: the functions' runtime, as `python3.13`.
        project: the folder of `lambdas/`, `requirements/` and the cache `.build/`.

    Raises:
        BuildError: pip failed, code does not compile, or a compiled extension is in it.
    """
    lock = read_lock(project / "requirements" / "functions.lock")
    wanted = {package for groups in _PACKAGES.values() for group in groups for package in group}
    if missing := wanted.symmetric_difference(lock):
        raise BuildError(
            f"functions.lock and stacks/packaging/artefacts.py differ in {', '.join(sorted(missing))}"
        )
    compiler = interpreter_for(runtime)
    cache = project / ".build"
    by_function: dict[FunctionName, Artefact] = {}
    for name, functions in _FUNCTIONS.items():
        layers = [install(group, lock, cache / "packages", runtime, compiler) for group in _PACKAGES[name]]
        code = list(_own_code(project / "lambdas", functions))
        tag = runtime if compiler else f"{runtime}-without-byte-code"
        asset_hash = _hash_of(tag, project, code, layers)
        folder = cache / "artefacts" / f"{name}-{asset_hash[:16]}"
        _assemble(folder, project, code, layers, compiler)
        _forget_old(folder.parent, name, folder)
        by_function |= dict.fromkeys(functions, Artefact(folder, asset_hash))
    return Build(by_function, None if compiler else _notice(runtime))


def stage(built: Build, assembly: Path) -> None:
    """Put the artefacts where the CDK would copy them to, as hard links.

    It finds them there and does not copy some five thousand files, which takes it 2 s. The folder's
    name is the CDK's (`AssetStaging` with a custom hash); under another rule it would copy again.
    """
    for artefact in set(built.by_function.values()):
        name = hashlib.sha256(artefact.asset_hash.encode()).hexdigest()
        with built_once(assembly / f"asset.{name}") as folder:
            if folder is not None:
                _link_tree(artefact.folder, folder)


def _notice(runtime: str) -> str:
    return (
        f"no working {runtime} on PATH: the artefacts hold no byte code, and every cold start "
        "compiles (about 0.2 s more)"
    )


def _own_code(lambdas: Path, functions: tuple[FunctionName, ...]) -> Iterator[Path]:
    """The source files of `functions` and of what they share; other handlers stay out."""
    yield from sorted(lambdas.glob("*.py"))
    for name in (*_SHARED_CODE, *functions):
        yield from (
            path
            for path in sorted((lambdas / name).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        )


def _hash_of(tag: str, project: Path, code: list[Path], layers: list[Path]) -> str:
    digest = hashlib.sha256(f"{FORMAT}\n{tag}\n".encode())
    for layer in layers:  # a layer's name holds the hash of what it was built from
        digest.update(f"{layer.name}\n".encode())
    for path in code:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(project).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _assemble(
    target: Path, project: Path, code: list[Path], layers: list[Path], compiler: str | None
) -> None:
    with built_once(target) as folder:
        if folder is None:
            return
        # Own code first: compiling it must not touch the packages' byte code, which is linked.
        for path in code:
            copy = folder / path.relative_to(project)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        if compiler:
            compile_folder(folder, compiler)
        for layer in layers:
            _link_tree(layer, folder)
        refuse_compiled(folder)


def _link_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    """A hard link: the same files serve several artefacts and builds."""
    try:
        Path(target).hardlink_to(source)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def _forget_old(folder: Path, name: str, current: Path) -> None:
    current.touch()  # last used, not last built
    others = [path for path in folder.glob(f"{name}-*") if path != current]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_ARTEFACTS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
