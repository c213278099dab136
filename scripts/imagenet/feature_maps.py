"""Feature maps as pictures: what the chip made of a photograph at each stage of the network."""

import io

import numpy as np
from PIL import Image

__all__ = ["FeatureMaps"]

ACROSS, DOWN = 8, 4  # planes of a picture
#: The last layer of each stage that a ReLU6 follows, and what people call the stage.
STAGES = {"stem": "stem", "block0.depthwise": "stage 1", "block2.depthwise": "stage 2", "block4.depthwise": "stage 3",
          "block7.depthwise": "stage 4", "block10.depthwise": "stage 5", "block14.depthwise": "stage 6",
          "block15.depthwise": "stage 7", "head": "head"}


class FeatureMaps:
    """Collects ofmaps of a run as they are made."""

    def __init__(self):
        self._found = {}

    def look(self, layer, ofmap):
        """Take what a layer's ofmap (1, M, E, F) stands for, if it is one of those that are shown."""
        if layer.name in STAGES:
            self._found[layer.name] = ofmap[0]

    def pictures(self) -> list[dict]:
        """For each stage: `stage`, `layer`, `planes` and `size` as text, and the `picture` as PNG."""
        return [{"stage": STAGES[name], "layer": name, "planes": len(planes),
                 "size": f"{planes.shape[1]} x {planes.shape[2]}", "picture": mosaic(planes)}
                for name, planes in self._found.items()]


def mosaic(planes: np.ndarray) -> bytes:
    """A PNG of the liveliest planes of (M, E, F), each in colours from its 0 to its largest value, at most 6."""
    from matplotlib import colormaps  # slow to import

    values = np.clip(planes, 0, 6)
    chosen = np.sort(np.argsort(-values.std(axis=(1, 2)), kind="stable")[:ACROSS * DOWN])
    tiles = values[chosen] / np.maximum(values[chosen].max(axis=(1, 2), keepdims=True), 1e-9)
    rows = -(-len(tiles) // ACROSS)
    _, height, width = tiles.shape
    gap = max(1, width // 28)
    sheet = np.full((rows * (height + gap) - gap, ACROSS * (width + gap) - gap), np.nan)
    for place, tile in enumerate(tiles):
        top, left = place // ACROSS * (height + gap), place % ACROSS * (width + gap)
        sheet[top:top + height, left:left + width] = tile
    colours = (colormaps["magma"](np.nan_to_num(sheet)) * 255).astype(np.uint8)[..., :3]
    colours[np.isnan(sheet)] = 255
    buffer = io.BytesIO()
    Image.fromarray(colours).quantize(256).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
