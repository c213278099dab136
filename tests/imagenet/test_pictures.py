"""Pictures of any kind: shown as a viewer shows them, or refused in one line."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from scripts.imagenet.photographs import as_input, crop
from scripts.terminal import pictures
from scripts.terminal.console import BadInput
from scripts.terminal.pictures import open_picture

RNG = np.random.default_rng(5)
SCENE = np.kron(RNG.integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)  # 48 x 64


@pytest.fixture
def saved(tmp_path):
    def saved(image, name="x.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name
    return saved


def png_head(width, height):
    """The beginning of a PNG of this size, whose data are missing."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


def test_upright(saved):
    """A camera's picture is turned as its EXIF says."""
    upright = Image.fromarray(SCENE)
    for orientation, turn in ((3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90),
                              (8, Image.Transpose.ROTATE_270)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        found = open_picture(saved(upright.transpose(turn), exif=exif))
        np.testing.assert_array_equal(np.asarray(found), SCENE)


def test_grey(saved):
    grey = SCENE[..., 0]
    for image in (Image.fromarray(grey), Image.fromarray(grey.astype(np.uint16) * 257)):
        np.testing.assert_array_equal(np.asarray(open_picture(saved(image))), np.stack(3 * [grey], axis=-1))


def test_transparent_parts_are_white(saved):
    alpha = np.zeros((48, 64, 1), np.uint8)
    alpha[:, 32:] = 255
    found = np.asarray(open_picture(saved(Image.fromarray(np.concatenate([SCENE, alpha], axis=2)))))
    assert (found[:, :32] == 255).all()
    np.testing.assert_array_equal(found[:, 32:], SCENE[:, 32:])
    palette = Image.fromarray(SCENE).quantize(8)
    clear = np.asarray(palette) == 3
    found = np.asarray(open_picture(saved(palette, transparency=3)))
    assert clear.any() and (found[clear] == 255).all() and (found[~clear] != 255).any()


def test_one_pixel(saved):
    square = crop(saved(Image.new("RGB", (1, 1), (200, 100, 50))))
    assert square.size == (224, 224)
    assert set(square.get_flattened_data() if hasattr(square, "get_flattened_data") else square.getdata()) == {
        (200, 100, 50)}


def test_narrow(saved):
    assert crop(saved(Image.new("RGB", (1, 3000), "red"))).getpixel((100, 100)) == (255, 0, 0)


def test_too_many_pixels(tmp_path, monkeypatch):
    (tmp_path / "x.png").write_bytes(png_head(20_000, 20_000))
    with pytest.raises(BadInput, match="x.png must have at most 100 million pixels"):
        open_picture(tmp_path / "x.png")
    (tmp_path / "x.png").write_bytes(png_head(10_000, 10_001))
    with pytest.raises(BadInput, match="at most 100 million pixels, not 10000 x 10001$"):
        open_picture(tmp_path / "x.png")
    monkeypatch.setattr(pictures, "LARGEST", 48 * 64)
    Image.fromarray(SCENE).save(tmp_path / "y.png")
    assert open_picture(tmp_path / "y.png").size == (64, 48)


def test_no_picture(tmp_path, saved, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("no picture")
    whole = saved(Image.fromarray(SCENE), "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[:len(whole) // 2])
    (tmp_path / "head.png").write_bytes(png_head(4, 4))
    (tmp_path / "empty.png").touch()
    for name in ("text.jpg", "half.jpg", "head.png", "empty.png", "none.jpg", "."):
        with pytest.raises(BadInput, match=r"must be a readable picture: .+") as found:
            open_picture(tmp_path / name)
        assert "\n" not in str(found.value)
    with pytest.raises(BadInput, match="^text.jpg must be a readable picture: it is of no kind that Pillow knows$"):
        open_picture("text.jpg")


def test_greys_of_other_ranges(saved):
    for values in (RNG.standard_normal((4, 4)).astype(np.float32), np.full((4, 4), 70_000, np.int32)):
        with pytest.raises(BadInput, match="its greys are no numbers of 8 or 16 bits"):
            open_picture(saved(Image.fromarray(values), "x.tiff"))


def test_damaged_bytes(saved, tmp_path):
    """A picture, or one line."""
    for name in ("x.png", "x.jpg", "x.gif", "x.webp", "x.bmp"):
        content = saved(Image.fromarray(SCENE[:16, :16]), name).read_bytes()
        for place in RNG.integers(0, len(content), 60):
            (tmp_path / name).write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1:])
            try:
                open_picture(tmp_path / name)
            except BadInput as error:
                assert "\n" not in str(error)


def test_what_the_network_sees(saved):
    """The middle square, 0.875 of the shorter side; less 127, over 128."""
    wide = np.zeros((256, 400, 3), np.uint8)
    wide[16:240, 88:312] = SCENE.mean(axis=(0, 1)).astype(np.uint8)
    wide[16:128, 88:200, 0] = 255
    found = as_input(crop(saved(Image.fromarray(wide))))
    assert (found.shape, found.dtype) == ((1, 3, 224, 224), np.float32)
    np.testing.assert_array_equal(found[0], (wide[16:240, 88:312].astype(np.float32).transpose(2, 0, 1) - 127) / 128)
