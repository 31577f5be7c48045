"""Which image runs: AWS's where it can be had, and never silently another than was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from tests.engines.container.engine import AWS_IMAGE, NoEngineError, choose_image


class Pulled:
    short_id = "sha256:0123"


class Registry:
    """Docker's images, as far as they are asked for; moto's has been built."""

    def __init__(self, *, reachable: bool) -> None:
        self._reachable = reachable

    @property
    def images(self) -> Any:
        return self

    def get(self, name: str) -> Pulled:
        raise ImageNotFound(name)

    def pull(self, name: str) -> Pulled:
        if not self._reachable:
            raise APIError(f"{name}: no such host")
        return Pulled()

    def list(self, name: str) -> list[str]:
        return [name]


def choose(wanted: str, *, reachable: bool) -> Any:
    registry: Any = Registry(reachable=reachable)
    return choose_image(registry, wanted)


@pytest.mark.parametrize("wanted", ["auto", "aws"])
def test_awss_image_is_taken_where_it_can_be_pulled(wanted: str) -> None:
    image = choose(wanted, reachable=True)
    assert (image.engine, image.name, image.reason) == ("aws", AWS_IMAGE, "")


def test_where_it_cannot_be_pulled_motos_is_and_says_why() -> None:
    image = choose("auto", reachable=False)
    assert image.engine == "moto"
    assert AWS_IMAGE in image.reason
    assert "no such host" in image.reason


def test_moto_is_taken_without_a_reason_when_asked_for() -> None:
    image = choose("moto", reachable=True)
    assert (image.engine, image.reason) == ("moto", "")


def test_awss_image_by_name_is_never_replaced() -> None:
    with pytest.raises(NoEngineError, match="cannot be pulled"):
        choose("aws", reachable=False)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(NoEngineError, match="aws, moto or auto"):
        choose("localstack", reachable=True)
