"""The chip's SystemVerilog, generated once for each state of hw/ and each configuration."""

import hashlib
from pathlib import Path

import hw
from hw.chip import Eyeriss
from hw.config import ChipConfig
from hw.shell.axi import EyerissAxi
from hw.verilog.generate import write
from sim.tools.files import BUILD, locked, scratch_folder

__all__ = ["TOPS", "chip_verilog"]

TOPS = {"chip": Eyeriss, "axi": EyerissAxi}


def chip_verilog(chip: ChipConfig, build: Path = BUILD, top: str = "chip") -> list[Path]:
    """The files of a top of TOPS, the top module's first."""
    sources = sorted(Path(hw.__file__).parent.rglob("*.py"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + repr((chip, top)).encode()).hexdigest()
    block = TOPS[top](chip)
    directory = Path(build) / "verilog" / f"{chip.name}-{top}-{key[:16]}"
    if not directory.is_dir():
        with locked(directory.parent / "locks" / directory.name):
            if not directory.is_dir():  # another process was faster
                with scratch_folder(directory) as scratch:
                    write(block, scratch)
                    scratch.rename(directory)
    return sorted(directory.glob("*.sv"), key=lambda path: (path.stem != block.module_name, path.stem))
