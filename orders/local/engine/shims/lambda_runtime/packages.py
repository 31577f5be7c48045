"""The folder of packages that AWS's Python runtime ships beside the standard library.

"The runtime includes the AWS SDK" (Lambda docs, "Building Lambda functions with Python"): boto3
with what it depends upon, and no more. A package that a function needs and that is in neither its
artefact nor this folder is missing, here as on AWS.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

RUNTIME_DISTRIBUTIONS = (
    "boto3",
    "botocore",
    "jmespath",
    "python-dateutil",
    "s3transfer",
    "six",
    "urllib3",
)


def link_runtime_packages(folder: Path) -> Path:
    """Fill `folder` with links to this interpreter's copies of the runtime's packages.

    Returns:
        The folder, to be put on a function's `sys.path`.
    """
    folder.mkdir(parents=True)
    for name in RUNTIME_DISTRIBUTIONS:
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or [] if _is_importable(file)}:
            (folder / top).symlink_to(Path(str(distribution.locate_file(top))))
    return folder


def _is_importable(file: metadata.PackagePath) -> bool:
    top = file.parts[0]
    return top not in {"..", "__pycache__"} and not top.endswith((".dist-info", ".egg-info"))
