"""The book's colors, in one place: charts, diagrams and the site all take them from here.

The hues are those of Okabe and Ito's palette, which readers with any of the common
forms of color blindness can tell apart. Each name has two values: a darker one for a
light page and a lighter one for a dark page, both with a contrast of at least 3 to 1
against their page, as large graphics need (4.5 to 1 for the inks, which set text).
"""

#: name -> (on a light page, on a dark page). Every light value occurs once, so that the
#: site can turn a light picture into a dark one by replacing each value by its partner.
COLORS: dict[str, tuple[str, str]] = {
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#a4adb8"),
    "grid": ("#d8dee4", "#3d444d"),
    "paper": ("#ffffff", "#14181e"),
    "panel": ("#f3f5f7", "#222932"),
    "blue": ("#0072b2", "#56b4e9"),
    "vermilion": ("#d55e00", "#ff8c42"),
    "green": ("#00805c", "#2fc79a"),
    "purple": ("#a8487f", "#e59ac4"),
    "orange": ("#9a6a00", "#e6b422"),
    "sky": ("#2b83ba", "#8fd3ff"),
}

#: The order in which charts give colors to series.
SERIES: tuple[str, ...] = ("blue", "vermilion", "green", "purple", "orange", "sky")


def light(name: str) -> str:
    """The color ``name`` for a light page, as ``#rrggbb``.

    Raises:
        KeyError: for a name that the palette lacks.

    Source: chapter 1, and every chapter after it.
    """
    return COLORS[name][0]


def dark(name: str) -> str:
    """The color ``name`` for a dark page, as ``#rrggbb``.

    Raises:
        KeyError: for a name that the palette lacks.

    Source: chapter 1, on dark pages.
    """
    return COLORS[name][1]
