"""Names that a file chose reach people as they are: on the terminal, in pages, figures and paths, as options."""

import io
import re

import html5lib
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from rich.console import Console

from scripts.terminal.console import counts_table
from scripts.terminal.names import in_figure, in_page, in_path, on_terminal, own_file
from tests.network import models

#: What rich, matplotlib, HTML, a list of names and a terminal take for their own.
NAMES = ["[bold]conv[/]", "[/x]", "conv[0]", "$x_1$", "$\\frac{", "a,b", "a=b", "<i>&amp;", ":smile:", "{0}", "{",
         "%s", "up\x1b[2Jand\ndown", "ünï", "layer " * 30 + "end"]


def model(name):
    """A Conv of this name with a ReLU; its output has the name, too."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name=name), helper.make_node("Relu", ["c"], [name])]
    return models.build(nodes, {"w": models.features(6, 4, 3, 3)}, outputs=(name,))


@pytest.mark.parametrize("name", NAMES)
def test_a_layer_of_any_name(eyeriss, tmp_path, name):
    onnx.save(model(name), tmp_path / "m[v2].onnx")
    np.save(tmp_path / "x.npy", models.features(1, 4, 9, 11))
    shown = in_page(name)
    for command in (["plan", "m[v2].onnx", "--shape", "1x4x9x11"],
                    ["run", "m[v2].onnx", "--input", "x.npy", "--layers", name]):
        status, out, err = eyeriss(*command, "--chip", "mini", "--page", "p[1].html")
        assert status == 0, err
        assert out.startswith("m[v2] on mini") and out.endswith("page: p[1].html\n")
        assert re.search(rf"^{re.escape(shown)}  ", out, re.M), out
        page = (tmp_path / "p[1].html").read_text()
        html5lib.HTMLParser(strict=True).parse(page)
        assert shown in {"".join(cell.itertext()).strip() for cell in html5lib.parse(
            page, namespaceHTMLElements=False).iter("td")}
    assert re.search(rf"^{re.escape(shown)}: 1x6x7x9", out, re.M), out


def test_names_of_a_list_may_have_commas(eyeriss, tmp_path):
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="a,b"),
             helper.make_node("Conv", ["c", "v"], ["d"], name="c"), helper.make_node("Relu", ["d"], ["y"])]
    onnx.save(models.build(nodes, {"w": models.features(6, 4, 3, 3), "v": models.features(2, 6, 3, 3)}),
              tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", models.features(1, 4, 9, 11))
    run = ["run", "model.onnx", "--input", "x.npy", "--chip", "mini", "--no-page", "--layers"]
    for layers in (["a,b,c"], ["c,a,b"], ["a,b", "--layers", "c"]):
        assert eyeriss(*run, *layers)[0] == 0
    assert eyeriss(*run, "a,c") == (2, "", "eyeriss: --layers: the chip runs no layer a; its layers are a,b, c\n")


def test_an_input_with_a_sign_of_equality_in_its_name(eyeriss, tmp_path):
    made = models.build([helper.make_node("Conv", ["a=b", "w"], ["c"]), helper.make_node("Conv", ["a", "w"], ["d"]),
                         helper.make_node("Add", ["c", "d"], ["y"])], {"w": models.features(6, 4, 3, 3)})
    made.graph.input[0].name = "a=b"
    made.graph.input.add().CopyFrom(made.graph.input[0])
    made.graph.input[1].name = "a"
    onnx.save(made, tmp_path / "model.onnx")
    for name in ("x", "z"):
        np.save(tmp_path / f"{name}.npy", models.features(1, 4, 9, 11))
    status, _, err = eyeriss("run", "model.onnx", "--input", "a=b=x.npy", "--input", "a=z.npy", "--chip", "mini",
                             "--no-page")
    assert status == 0, err


@pytest.mark.parametrize("kind, ranked", [(TensorProto.BOOL, False), (TensorProto.UINT8, True)])
def test_outputs_are_ranked_where_they_are_scores(eyeriss, tmp_path, kind, ranked):
    """255 is the best of uint8, not -1; a truth value is no score."""
    nodes = [helper.make_node("Gemm", ["x", "w"], ["c"], name="fc"), helper.make_node("Cast", ["c"], ["y"], to=kind)]
    made = models.build(nodes, {"w": np.diag([1, 100, 255]).astype(np.float32)}, data=("N", 3), outputs=("y",))
    made.graph.output[0].type.tensor_type.elem_type = kind
    onnx.save(made, tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", np.ones((1, 3), np.float32))
    status, out, err = eyeriss("run", "model.onnx", "--input", "x.npy", "--chip", "mini", "--no-page")
    assert status == 0, err
    assert re.findall(r"class (\d)", out) == (["2", "1", "0"] if ranked else [])


def test_one_name_in_each_place():
    name = "a/b[1] $x$\n" + 40 * "long" + "end"
    assert on_terminal(name) == in_page(name) == "a/b[1] $x$\\n" + 40 * "long" + "end"
    assert len(in_figure(name)) == len(on_terminal(name, 24)) == 24
    assert on_terminal("encoder.block.17.conv", 13) == "encode…7.conv"
    assert re.fullmatch(r"[A-Za-z0-9_.+-]+", in_path(name))
    assert (in_path("../.."), in_path(""), on_terminal("")) == ("_..", "_", "(no name)")
    assert own_file("a/model.onnx") != own_file("b/model.onnx")


def printed(table, width):
    out = io.StringIO()
    Console(file=out, width=width, markup=False).print(table)
    return out.getvalue()


def test_tables_fit():
    """Names are cut in the middle, then columns go; in a pipe nothing does."""
    names = [f"node_Conv_of_a_very_long_block_{number}" for number in range(12)]
    table = counts_table("title", ("layer", "cycles", "m n e f", "energy MMAC"),
                         [(name, "1,234,567", "1 2 3 4", "12") for name in names],
                         optional=("m n e f", "energy MMAC"))
    wide = printed(table, 100_000)
    assert all(name in wide for name in names) and max(map(len, wide.splitlines())) < 90
    for width, shown in ((50, "1 2 3 4 12"), (36, "12"), (28, "")):
        text = printed(table, width)
        assert max(map(len, text.splitlines())) <= width
        assert sum("1,234,567" in line for line in text.splitlines()) == len(names)
        rows = [line.split() for line in text.splitlines() if "1,234,567" in line]
        assert all(" ".join(row[2:]) == shown for row in rows), text
        assert len({row[0] for row in rows}) == len(names) and all("…" in row[0] for row in rows), text
