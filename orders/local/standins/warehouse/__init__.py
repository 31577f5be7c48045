"""The warehouse's stand-in: a small HTTP API that is idempotent by the order's id."""

from orders.local.standins.warehouse.depot import WarehouseStandIn

__all__ = ["WarehouseStandIn"]
