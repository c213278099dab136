"""Writes files as torch's older format has them, without torch, and pickles that no such file should have."""

import io
import pickle
import sys
import types
from collections import OrderedDict

import numpy as np

__all__ = ["Calls", "Storage", "Tensor", "torch_file"]

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
FACTS = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}

_torch, _utils = types.ModuleType("torch"), types.ModuleType("torch._utils")


def _named(module, name, value):
    value.__module__, value.__qualname__, value.__name__ = module.__name__, name, name
    setattr(module, name, value)
    return value


KINDS = {"f": _named(_torch, "FloatStorage", type("FloatStorage", (), {})),
         "i": _named(_torch, "LongStorage", type("LongStorage", (), {})),
         "d": _named(_torch, "DoubleStorage", type("DoubleStorage", (), {}))}
REBUILD = _named(_utils, "_rebuild_tensor_v2", lambda *_: None)


class Storage:
    """Values under a key, which may say another number or kind of them than there are."""

    def __init__(self, key, values, count=None, kind=None):
        self.key, self.values, self.kind = key, values, kind or values.dtype.kind
        self.count = len(values) if count is None else count


class Tensor:
    """A part of a storage."""

    def __init__(self, storage, dims, strides, offset=0):
        self.storage, self.parts = storage, (offset, dims, strides)

    def __reduce__(self):
        return REBUILD, (self.storage, *self.parts, False, OrderedDict())


class Calls:
    """What a pickle calls when it is read."""

    def __init__(self, function, *arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


class _Pickler(pickle.Pickler):
    def persistent_id(self, found):
        if isinstance(found, Storage):
            return "storage", KINDS[found.kind], found.key, "cpu", found.count, None
        return None


def _pickle(value, protocol=2):
    buffer = io.BytesIO()
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": _torch, "torch._utils": _utils})  # pickle looks its names up
    try:
        _Pickler(buffer, protocol).dump(value)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return buffer.getvalue()


def torch_file(tensors, *, facts=FACTS, keys=None, protocol=2) -> bytes:
    """A file of tensors by name: arrays, which lie as they do in numpy, or Tensors."""
    state = OrderedDict()
    for name, value in tensors.items():
        if isinstance(value, np.ndarray):
            storage = Storage(f"s{len(state)}", np.ravel(value, order="K"))
            strides = tuple(step // value.itemsize for step in value.strides)
            value = Tensor(storage, value.shape, strides)
        state[name] = value
    state._metadata = {"": {"version": 1}}  # torch's dictionaries have it
    storages = {value.storage.key: value.storage for value in state.values() if isinstance(value, Tensor)}
    listed = list(storages) if keys is None else keys
    parts = [_pickle(MAGIC), _pickle(PROTOCOL), *(_pickle(value, protocol) for value in (facts, state, listed))]
    parts += [len(storages[key].values).to_bytes(8, "little") + storages[key].values.tobytes()
              for key in storages]
    return b"".join(parts)
