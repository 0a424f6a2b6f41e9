"""Pictures become arrays as is said, or are refused in one line."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan_jax.data.pictures import decode_picture, quiet, shown, simple_name

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4, 1) * 20
COLOURS = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return io.BytesIO(file.getvalue())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM", "TIFF", "WEBP"])
def test_without_loss_pixels_are_what_was_saved(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode_picture(encoded(Image.fromarray(COLOURS), kind, **options))
    np.testing.assert_array_equal(found, COLOURS)
    assert found.dtype == np.uint8
    if kind != "WEBP":  # which knows colours only
        grey = decode_picture(encoded(Image.fromarray(GREY[..., 0]), kind))
        np.testing.assert_array_equal(grey, GREY)


@given(st.binary(min_size=6, max_size=60))
def test_any_bytes_come_back_from_a_png(content):
    pixels = np.frombuffer(content[: len(content) // 6 * 6], np.uint8).reshape(2, -1, 3)
    np.testing.assert_array_equal(decode_picture(encoded(Image.fromarray(pixels))), pixels)


def one(mode, value, **info):
    picture = Image.new(mode, (1, 1), value)
    picture.info.update(info)
    return picture


@pytest.mark.parametrize(
    ("picture", "kind", "pixel"),
    [
        (one("1", 1), "PNG", [255]),
        (one("LA", (100, 0)), "PNG", [255]),  # clear: the white ground
        (one("LA", (100, 255)), "PNG", [100]),
        (one("RGBA", (10, 20, 30, 255)), "PNG", [10, 20, 30]),
        (one("RGBA", (10, 20, 30, 0)), "PNG", [255, 255, 255]),
        (one("RGBA", (10, 20, 30, 51)), "PNG", [206, 208, 210]),  # 255 - (255 - x) / 5
        (one("I;16", 0x1234), "PNG", [0x12]),
        (one("I;16", 0x12FF), "TIFF", [0x12]),
        (one("CMYK", (0, 255, 255, 0)), "TIFF", [255, 0, 0]),
    ],
)
def test_what_pixels_become(picture, kind, pixel):
    found = decode_picture(encoded(picture, kind))
    assert found.shape == (1, 1, len(pixel))
    assert np.abs(found[0, 0].astype(int) - pixel).max() <= (1 if len(pixel) == 3 else 0)


def test_a_palette_is_colours_and_its_clear_entry_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([1, 2, 3, 9, 8, 7])
    palette.putdata([0, 1])
    assert decode_picture(encoded(palette)).tolist() == [[[1, 2, 3], [9, 8, 7]]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = [encoded(palette, transparency=1), encoded(palette, transparency=b"\xff\x00")]
    for file in files:
        assert decode_picture(file).tolist() == [[[1, 2, 3], [255, 255, 255]]]


def test_a_colour_that_stands_for_clear_is_white():
    picture = Image.fromarray(COLOURS[:1, :2])
    found = decode_picture(encoded(picture, transparency=(0, 7, 14)))
    assert found.tolist() == [[[255, 255, 255], [21, 28, 35]]]
    grey = decode_picture(encoded(Image.fromarray(GREY[..., 0]), transparency=20))
    np.testing.assert_array_equal(grey, np.where(GREY == 20, 255, GREY))


def test_16_bit_colours_keep_their_upper_8_bits():
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))  # fmt: skip

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0" + struct.pack(">HHH", 0x01FF, 0x80FF, 0xFFFF))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")  # fmt: skip
    assert decode_picture(io.BytesIO(png)).tolist() == [[[0x01, 0x80, 0xFF]]]


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a)),
        (77, lambda a: a),
    ],
)
def test_pictures_are_turned_as_their_exif_says(orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for pixels in (COLOURS, GREY):
        picture = Image.fromarray(pixels.squeeze())
        found = decode_picture(encoded(picture, exif=exif))
        np.testing.assert_array_equal(found, upright(pixels))


def test_an_exif_that_is_damaged_is_no_reason_to_refuse_whole_pixels():
    picture = Image.fromarray(COLOURS)
    with quiet():
        found = decode_picture(encoded(picture, exif=b"Exif\0\0MM\0*\0\0\xff\xff"))
    np.testing.assert_array_equal(found, COLOURS)


def test_of_several_frames_the_first_counts():
    frames = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)]
    file = encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode_picture(file), COLOURS)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "it is none of BMP, JPEG, PNG, PPM, TIFF, WEBP, or damaged"),
        (b"hello", "it is none of"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "it is none of"),  # no Ghostscript
        (b"\x89PNG\r\n\x1a\n", "."),
        (b"\xff\xd8\xff\xe0", "."),
    ],
)
def test_what_is_no_picture_is_one_line(content, line):
    with pytest.raises(ValueError, match=line) as refusal:
        decode_picture(io.BytesIO(content))
    assert str(refusal.value).isprintable()
    assert " object at 0x" not in str(refusal.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM"])
def test_a_picture_cut_anywhere_is_one_line_or_whole(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    content = encoded(Image.fromarray(pixels), kind).getvalue()
    refused = []
    with quiet():
        for size in range(0, len(content), 17):
            try:
                assert decode_picture(io.BytesIO(content[:size])).shape == (16, 16, 3)
            except ValueError as error:
                refused.append(str(error))
        assert len(refused) > len(content) // 17 // 2
        for place in np.random.default_rng(1).choice(len(content), 60, replace=False):
            damaged = bytearray(content)
            damaged[place] ^= 0xFF
            try:
                decode_picture(io.BytesIO(damaged))
            except ValueError as error:
                refused.append(str(error))
    assert all(line.isprintable() for line in refused)


def test_what_would_fill_the_memory_is_refused(monkeypatch):
    file = encoded(Image.new("L", (100, 150)))
    for most, line in ((14_000, "15,000 pixels, and Pillow's limit is 14,000"), (7_000, "bomb")):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with quiet(), pytest.raises(ValueError, match=line):
            decode_picture(io.BytesIO(file.getvalue()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert decode_picture(file).shape == (150, 100, 1)


@pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("I", 70_000)])
def test_floats_and_32_bits_have_no_range_to_go_by(mode, value):
    with pytest.raises(ValueError, match=f"its pixels are {mode}, they must be grey or colours"):
        decode_picture(encoded(Image.new(mode, (2, 2), value), "TIFF"))


def test_names_are_one_line_and_file_names():
    assert shown("caf\u00e9/1.png") == "caf\u00e9/1.png"
    assert shown("a\nb\udcff") == r"'a\nb\udcff'"
    assert simple_name("../x y/\u732b") == "x-y-\u732b"
    assert simple_name("//") == "images"
    assert len(simple_name("x" * 300)) == 48
