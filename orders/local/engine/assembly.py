"""Read a CDK cloud assembly: its stacks in dependency order, and the assets of each.

The format is that of the package `aws-cdk-lib/cloud-assembly-schema` (`manifest.json`,
`<stack>.assets.json`).
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from orders.local.engine.errors import DeployError
from orders.local.engine.process import ACCOUNT, REGION

if TYPE_CHECKING:
    from pathlib import Path

_STACK = "aws:cloudformation:stack"
_ASSETS = "cdk:asset-manifest"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLACEHOLDERS = {
    "${AWS::AccountId}": ACCOUNT,
    "${AWS::Region}": REGION,
    "${AWS::Partition}": "aws",
}


@dataclass(frozen=True)
class Asset:
    """A file or folder that a stack needs in S3."""

    path: Path
    zipped: bool
    bucket: str
    key: str

    def content(self) -> bytes:
        """The bytes to upload; a folder becomes the same zip each time."""
        return _zip_folder(self.path) if self.zipped else self.path.read_bytes()


@dataclass(frozen=True)
class Stack:
    """A stack of the assembly, with its template as text."""

    name: str
    template: str
    assets: tuple[Asset, ...]

    def parameter_names(self) -> frozenset[str]:
        """The names that the template declares as parameters."""
        return frozenset(json.loads(self.template).get("Parameters", {}))


def read_assembly(assembly_dir: Path) -> list[Stack]:
    """The stacks of an assembly, each after those that it depends on.

    Raises:
        DeployError: The folder holds no assembly, or one without stacks.
    """
    try:
        manifest = json.loads((assembly_dir / "manifest.json").read_text(encoding="utf-8"))
        artifacts: dict[str, dict[str, Any]] = manifest.get("artifacts", {})
        order = _in_dependency_order(artifacts)
        stacks = [
            _read_stack(assembly_dir, artifacts, name)
            for name in order
            if artifacts[name].get("type") == _STACK
        ]
    except (OSError, ValueError, KeyError) as error:
        raise DeployError(f"{assembly_dir} is not a CDK cloud assembly: {error}") from error
    if not stacks:
        raise DeployError(f"the cloud assembly {assembly_dir} has no stacks")
    return stacks


def _in_dependency_order(artifacts: dict[str, dict[str, Any]]) -> list[str]:
    graph = {
        name: [other for other in artifact.get("dependencies", []) if other in artifacts]
        for name, artifact in artifacts.items()
    }
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise DeployError(f"the stacks depend on each other in a circle: {error}") from error


def _read_stack(folder: Path, artifacts: dict[str, dict[str, Any]], name: str) -> Stack:
    artifact = artifacts[name]
    properties = artifact["properties"]
    assets = [
        asset
        for other in artifact.get("dependencies", [])
        if artifacts.get(other, {}).get("type") == _ASSETS
        for asset in _read_assets(folder, artifacts[other]["properties"]["file"])
    ]
    return Stack(
        name=properties.get("stackName", name),
        template=(folder / properties["templateFile"]).read_text(encoding="utf-8"),
        assets=tuple(assets),
    )


def _read_assets(folder: Path, manifest_file: str) -> list[Asset]:
    manifest = json.loads((folder / manifest_file).read_text(encoding="utf-8"))
    return [
        Asset(
            path=folder / file["source"]["path"],
            zipped=file["source"].get("packaging") == "zip",
            bucket=_resolve(destination["bucketName"]),
            key=_resolve(destination["objectKey"]),
        )
        for file in manifest.get("files", {}).values()
        for destination in file["destinations"].values()
    ]


def _resolve(text: str) -> str:
    for placeholder, value in _PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    return text


def _zip_folder(folder: Path) -> bytes:
    """Zip a folder: sorted names, one date, one mode, so that equal content is an equal zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_EPOCH)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes(), compresslevel=1)
    return buffer.getvalue()
