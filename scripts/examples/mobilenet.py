"""MobileNet 0.5-128 as an ONNX file, with random weights: `python -m scripts.examples.mobilenet FILE.onnx`.

Layers are those of Howard et al. 2017 for pictures of 128 x 128 pixels, with half of the channels: 49.2 M MACs. Each
convolution has a ReLU6 behind it, and its batch normalisation is part of its weights.
"""

import sys
from pathlib import Path

import onnx

from .chain import Chain

__all__ = ["build_mobilenet", "main"]

#: Filters of each pointwise layer, and the stride of the depthwise one before it.
_BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2), *5 * ((256, 1),), (512, 2), (512, 1))


def build_mobilenet(seed: int = 1) -> onnx.ModelProto:
    """The model: `data` float32 (N, 3, 128, 128) to `logits` (N, 1000)."""
    net = Chain("data", seed)
    limits = net.constant("least", 0), net.constant("most", 6)

    def layer(name: str, shape: tuple[int, ...], **attributes: object) -> None:
        net.layer("Conv", name, shape, **attributes)
        net.then("Clip", f"{name}.relu6", limits)

    layer("first", (16, 3, 3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 16
    for index, (M, stride) in enumerate(_BLOCKS, 1):
        layer(f"depthwise{index}", (channels, 1, 3, 3), group=channels, strides=2 * [stride], pads=[1, 1, 1, 1])
        layer(f"pointwise{index}", (M, channels, 1, 1))
        channels = M
    net.then("GlobalAveragePool", "mean")
    net.then("Flatten", "flat")
    net.layer("Gemm", "logits", (1000, channels), transB=1)
    return net.model("mobilenet", ("N", 3, 128, 128), {"logits": ("N", 1000)})


def main() -> None:
    """Write the file."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m scripts.examples.mobilenet FILE.onnx")
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(build_mobilenet(), target)
    print(target)


if __name__ == "__main__":
    main()
