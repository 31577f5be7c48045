"""The functions' dependencies: installed once from the lock file into a cache, with hashes."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stacks.errors import BuildError
from stacks.packaging.bytecode import compile_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Raise it when the same lock should be installed or pruned in another way.
FORMAT: Final = 1

_COMPILED: Final = re.compile(r"\.(so(\.\d+)*|pyd|dylib|dll)$")
# Installer's notes; the licences and METADATA stay, for whoever looks at what is deployed.
_NOISE: Final = {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "top_level.txt"}
_NOISE_FOLDERS: Final = {"tests", "__pycache__", "bin"}


def read_lock(lock: Path) -> dict[str, str]:
    """Each package's entry of a pip lock file (`name==version` and its hashes), by name.

    Raises:
        BuildError: the file is missing, or an entry has no hash.
    """
    if not lock.is_file():
        raise BuildError(f"{lock.name} is missing")
    entries: dict[str, str] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.read_text("utf-8")):
        lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
        entry = "\n".join(lines).rstrip().removesuffix("\\").rstrip()
        if name := re.match(r"[A-Za-z0-9._-]+", entry):
            if "--hash=sha256:" not in entry:
                raise BuildError(f"{lock.name}: {name.group()} has no hash")
            entries[name.group().lower()] = entry
    return entries


def install(
    packages: Sequence[str], lock: dict[str, str], cache: Path, runtime: str, compiler: str | None
) -> Path:
    """A folder with `packages` as the lock has them, from the cache or by one run of pip.

    Args:
        packages: names in `lock`; what they depend on must be named too (`--no-deps`).
        lock: what `read_lock` gave.
        cache: holds one folder per state of the entries, Python version and byte code.
        runtime: as `python3.13`.
        compiler: the interpreter that makes the byte code; None ships none.

    Raises:
        BuildError: pip failed, or what it installed holds a compiled extension.
    """
    requirements = "\n".join(lock[name] for name in packages) + "\n"
    byte_code = runtime if compiler else "no-byte-code"
    key = hashlib.sha256(f"{FORMAT}\n{byte_code}\n{runtime}\n{requirements}".encode()).hexdigest()
    target = cache / f"{packages[0]}-{key[:16]}"
    with built_once(target) as folder:
        if folder is not None:
            _pip_install(requirements, folder, runtime.removeprefix("python"))
            prune(folder)
            refuse_compiled(folder)
            if compiler:
                compile_folder(folder, compiler)
    return target


@contextmanager
def built_once(target: Path) -> Iterator[Path | None]:
    """A fresh folder that becomes `target` if the block succeeds; None where `target` exists.

    The rename makes it whole or absent, so that an interrupted build leaves nothing behind that
    looks finished, and of two builds at once one is used and the other thrown away.
    """
    if target.is_dir():
        yield None
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unfinished-") as scratch:
        folder = Path(scratch) / "built"
        folder.mkdir()
        yield folder
        try:
            folder.rename(target)
        except OSError:
            if not target.is_dir():  # not the other build's: a real failure
                raise


def prune(folder: Path) -> None:
    """Remove what no function imports: tests, scripts and the installer's notes."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name in _NOISE_FOLDERS:
            shutil.rmtree(path)
        elif path.name in _NOISE and path.parent.name.endswith(".dist-info"):
            path.unlink()


def refuse_compiled(folder: Path) -> None:
    """Refuse a compiled extension: one artefact serves arm64 and x86_64.

    Raises:
        BuildError: naming the first one found.
    """
    for path in sorted(folder.rglob("*")):
        if _COMPILED.search(path.name):
            raise BuildError(f"{path.relative_to(folder)} is compiled for one kind of processor")


def _pip_install(requirements: str, target: Path, python_version: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    command += ["--quiet", "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--only-binary", ":all:", "--platform", "any", "--implementation", "py"]
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch) / "requirements.txt"
        lock.write_text(requirements, "utf-8")
        command += ["--python-version", python_version, "--target", str(target), "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip of this very interpreter
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise BuildError(f"pip could not install the functions' packages: {' '.join(errors)}")
