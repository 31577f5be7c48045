"""An image of moto's Step Functions, made of this machine's own Python: no registry, no build kit.

A root file system with the interpreter, the standard library, the shared libraries that both load, and the
distributions that moto's server needs, each where it lies on this machine or under `SITE`. Its tag is a
digest of what is in it, so that it is built once.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.metadata import Distribution

REPOSITORY: Final = "order-pipeline/stepfunctions-moto"
ROOTS: Final = ("moto[stepfunctions]", "flask", "flask-cors")
SERVER: Final = Path(__file__).with_name("server.py")
SITE: Final = Path("/opt/engine")
_LEFT_OUT: Final = {"test", "idlelib", "tkinter", "ensurepip", "turtledemo", "site-packages", "dist-packages"}
_TEXTS: Final = {"etc/passwd": "root:x:0:0:root:/:/bin/false\n", "etc/nsswitch.conf": "hosts: files dns\n"}


def ensure_image(docker: Any) -> str:
    """Return the image's name; build it unless it is there. `docker` is the Docker SDK's client."""
    distributions = list(_closure(ROOTS))
    name = f"{REPOSITORY}:{_digest(distributions)}"
    if not docker.images.list(name):
        repository, _, tag = name.partition(":")
        interpreter = _interpreter()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "root.tar"
            with tarfile.open(file, "w") as tar:
                _RootFileSystem(tar).fill(interpreter, distributions)
            docker.api.import_image_from_file(
                str(file),
                repository=repository,
                tag=tag,
                changes=[
                    f"ENV PYTHONPATH={SITE}",
                    f'ENTRYPOINT ["{interpreter}", "{SITE / SERVER.name}"]',
                ],
            )
    return name


def version() -> str:
    """Name what runs in it."""
    return f"moto {importlib.metadata.version('moto')} on Python {sys.version.partition(' ')[0]}"


def _closure(roots: Iterable[str]) -> Iterator[Distribution]:
    """Yield the distributions that these requirements come to, each once."""
    seen: set[tuple[str, str]] = set()
    given: set[str] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        wanted = waiting.pop()
        distribution = importlib.metadata.distribution(wanted.name)
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name not in given:
            given.add(name)
            yield distribution
        for extra in {"", *wanted.extras} - {e for n, e in seen if n == name}:
            seen.add((name, extra))
            waiting += [
                needed
                for needed in map(Requirement, distribution.requires or ())
                if needed.marker is None or needed.marker.evaluate({"extra": extra})
            ]


def _digest(distributions: Iterable[Distribution]) -> str:
    parts = sorted(f"{d.name}=={d.version}" for d in distributions)
    text = "\n".join([sys.version, *parts, SERVER.read_text(), Path(__file__).read_text()])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _interpreter() -> Path:
    """Return the real interpreter behind a virtual environment."""
    major, minor = sys.version_info[:2]
    return (Path(sys.base_prefix) / "bin" / f"python{major}.{minor}").resolve(strict=True)


@dataclass(slots=True)
class _RootFileSystem:
    """Written into a tar; whatever it holds is a plain file with a known mode, readable by all."""

    tar: tarfile.TarFile
    _names: set[str] = field(default_factory=set)
    _binaries: list[Path] = field(default_factory=list)

    def fill(self, interpreter: Path, distributions: Iterable[Distribution]) -> None:
        """Write all of it."""
        self._add(interpreter)
        for file in _standard_library():
            self._add(file)
        for distribution in distributions:
            self._add_distribution(distribution)
        self._add(SERVER, SITE / SERVER.name)
        for library in _shared_libraries(self._binaries):
            self._add(library)
        for name, text in _TEXTS.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            self.tar.addfile(member, BytesIO(text.encode()))
        member = tarfile.TarInfo("tmp")
        member.type, member.mode = tarfile.DIRTYPE, 0o1777
        self.tar.addfile(member)

    def _add_distribution(self, distribution: Distribution) -> None:
        for part in distribution.files or ():
            file = Path(str(part.locate()))
            if ".." not in part.parts and file.is_file():
                self._add(file, SITE / part)

    def _add(self, file: Path, target: Path | None = None) -> None:
        name = str(target or file).lstrip("/")
        if name in self._names:
            return
        self._names.add(name)
        real = file.resolve()
        member = self.tar.gettarinfo(real, name)
        member.type, member.mode, member.linkname = tarfile.REGTYPE, 0o755, ""
        member.size = real.stat().st_size
        with real.open("rb") as content:
            if content.read(4) == b"\x7fELF":
                self._binaries.append(file)
            content.seek(0)
            self.tar.addfile(member, content)


def _standard_library() -> Iterator[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    for file in library.rglob("*"):
        if file.is_file() and not _LEFT_OUT & set(file.relative_to(library).parts[:2]):
            yield file


def _shared_libraries(binaries: Iterable[Path]) -> Iterator[Path]:
    """Yield what the loader would load for them, and what glibc loads to look up names."""
    paths: set[str] = set()
    for binary in binaries:
        # A file that ldd cannot read loads nothing.
        listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
        paths |= set(re.findall(r"(?:=> |^\s+)(/\S+)", listed, re.MULTILINE))
    for folder in sorted({Path(path).parent for path in paths}):
        paths |= {str(file) for pattern in _NAME_SERVICE for file in folder.glob(pattern)}
    yield from map(Path, sorted(paths))


_NAME_SERVICE: Final = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")
