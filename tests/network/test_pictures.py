"""Pictures as inputs of `eyeriss run`, and the names of classes."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from compiler.onnx.file import Port
from scripts.commands.network.inputs import Preparation, load_inputs, load_picture
from scripts.terminal.choices import Pixels
from scripts.terminal.console import BadInput
from scripts.terminal.pictures import PIXELS

PORT = Port("x", np.dtype(np.float32), (None, 3, 8, 8))


@pytest.fixture
def picture(tmp_path):
    """16 x 32 pixels: grey 200 in the middle 8 x 8, 100 around it in the middle 16 x 16, black outside."""
    values = np.zeros((16, 32, 3), np.uint8)
    values[:, 8:24], values[4:12, 12:20] = 100, 200
    Image.fromarray(values).save(tmp_path / "x.png")
    return tmp_path / "x.png"


def test_the_middle_is_taken(picture):
    whole = load_picture(picture, PORT, Preparation("byte"))
    assert whole.shape == (1, 3, 8, 8) and whole.dtype == np.float32
    assert whole.min() >= 90 and whole[0, :, 3:5, 3:5].min() >= 190  # no black: the input's proportions
    half = load_picture(picture, PORT, Preparation("byte", 0.5))
    assert (half == 200).all()


@pytest.mark.parametrize("pixels, value", [
    ("byte", 200), ("unit", 200 / 255), ("lite", (200 - 127) / 128), ("imagenet", (200 / 255 - 0.485) / 0.229)])
def test_what_becomes_of_pixels(picture, pixels, value):
    prepared = load_inputs([str(picture)], {"x": PORT}, Preparation(pixels, 0.5))["x"]
    assert prepared[0, 0] == pytest.approx(value, rel=1e-6)


def test_the_option_has_all_of_them():
    assert set(PIXELS) == set(Pixels)


@pytest.mark.parametrize("crop", [0, -0.5, 1.01, float("nan")])
def test_crop_is_a_share(crop):
    with pytest.raises(BadInput, match=r"^--crop must be more than 0 and at most 1, not "):
        Preparation("unit", crop)


@pytest.fixture
def model(tmp_path, picture):
    """The mean of an 8 x 8 picture's planes: classes 0, 1, 2."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("GlobalAveragePool", ["c"], ["p"]),
             helper.make_node("Flatten", ["p"], ["y"])]
    weights = (np.eye(3) * [[1], [3], [2]]).astype(np.float32).reshape(3, 3, 1, 1)
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])], [numpy_helper.from_array(weights, "w")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, tmp_path / "model.onnx")


def test_classes_have_names(eyeriss, tmp_path, model):
    (tmp_path / "names.txt").write_text("cat\n[bold]dog\n")
    status, out, err = eyeriss("run", "model.onnx", "--input", "x.png", "--pixels", "lite", "--crop", "0.5",
                               "--classes", "names.txt", "--chip", "mini", "--no-page")
    assert status == 0, err
    best, = (line for line in out.splitlines() if line.startswith("  class"))
    assert best == "  class 1 ([bold]dog): 1.71  class 2: 1.14  class 0 (cat): 0.57"


@pytest.mark.parametrize("content, message", [
    (None, "--classes names.txt must be a readable text file: No such file or directory"),
    (b"", "--classes names.txt must have a name a line, from class 0 on; it is empty"),
    (b"\xff\xfe\x80", "--classes names.txt must be a text file in UTF-8")])
def test_names_that_cannot_be_read(eyeriss, tmp_path, model, content, message):
    if content is not None:
        (tmp_path / "names.txt").write_bytes(content)
    status, out, err = eyeriss("run", "model.onnx", "--input", "x.png", "--classes", "names.txt", "--chip", "mini")
    assert (status, out, err) == (2, "", f"eyeriss: {message}\n")
