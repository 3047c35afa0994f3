"""Walk one layer's tar stream safely, within budgets, to a record of what it holds."""

from scans.layers.budget import Budget, LayerError
from scans.layers.reading import read_layer
from scans.layers.record import LayerRecord

__all__ = ["Budget", "LayerError", "LayerRecord", "read_layer"]
