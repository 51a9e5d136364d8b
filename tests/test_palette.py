"""The colors can be told from their page, and a light one leads to exactly one dark one."""

import pytest

from backprop import palette


def luminance(color):
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_the_guidelines_say():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", ["ink", "muted"])
def test_inks_set_text(name):
    assert contrast(palette.light(name), palette.light("paper")) >= 4.5
    assert contrast(palette.dark(name), palette.dark("paper")) >= 4.5


@pytest.mark.parametrize("name", palette.SERIES)
def test_series_stand_out(name):
    assert contrast(palette.light(name), palette.light("paper")) >= 3
    assert contrast(palette.dark(name), palette.dark("paper")) >= 3


def test_a_light_color_is_replaced_without_ambiguity():
    lights = [light for light, _ in palette.COLORS.values()]
    assert len(set(lights)) == len(lights)
    assert all(c == c.lower() and len(c) == 7 for pair in palette.COLORS.values() for c in pair)
    assert set(palette.SERIES) <= set(palette.COLORS)


def test_an_unknown_name_is_an_error():
    with pytest.raises(KeyError):
        palette.light("beige")
