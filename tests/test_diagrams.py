"""Diagrams: the same bytes in every run, accessible, themed, and drawn where they should be."""

import os
import random
import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from backprop import palette
from backprop._diagram_svg import LEGIBLE, PAGE
from backprop._diagram_text import SMALL
from backprop.diagrams import KINDS, Diagram, Node, computation_graph, network

SVG = "{http://www.w3.org/2000/svg}"

NODES = {
    "x": Node("$x$", "input", value="3"),
    "W": Node("$W_1$", "parameter"),
    "u": Node("$u_1 = x W_1$", grad=r"$\dfrac{\partial y}{\partial u_1}$"),
    "square": Node("square"),
    "y": Node("$y$", "loss"),
}
EDGES = [
    ("x", "u"),
    ("W", "u"),
    ("u", "square", "$u_1$"),
    ("u", "square", "$u_1$"),
    ("square", "y", "1"),
    ("x", "y"),
]


def graph(**changes) -> Diagram:
    given = {"nodes": NODES, "edges": EDGES, "title": "A graph", "alt": "Arrows lead to y."}
    given.update(changes)
    return computation_graph(given.pop("nodes"), given.pop("edges"), **given)


def layers(**changes) -> Diagram:
    given = {"sizes": [3, 4, 2], "title": "A network", "alt": "Three layers."} | changes
    return network(given.pop("sizes"), **given)


DRAWINGS = pytest.mark.parametrize("draw", [graph, layers])


def tree(diagram: Diagram) -> ElementTree.Element:
    return ElementTree.fromstring(diagram.svg)


def named(diagram: Diagram, name: str) -> list[ElementTree.Element]:
    """The elements of a class, in the order of drawing."""
    return [e for e in tree(diagram).iter() if e.get("class") == f"bp-{name}"]


def outlines(diagram: Diagram, name: str) -> list[list[tuple[float, float]]]:
    """The points of the paths called edge or tip; y grows upward."""
    assert tree(diagram).find(f"{SVG}g").get("transform") == "scale(1 -1)"
    numbers = [re.findall(r"-?[\d.]+", path.get("d")) for path in named(diagram, name)]
    return [
        [(float(x), float(y)) for x, y in zip(found[::2], found[1::2], strict=True)]
        for found in numbers
    ]


def numbers(rectangle: ElementTree.Element) -> list[float]:
    return [float(rectangle.get(key)) for key in ("x", "y", "width", "height", "rx")]


def boxes(diagram: Diagram) -> list[tuple[float, float, float, float]]:
    """(left, low, right, top) of each node."""
    found = [numbers(rectangle) for rectangle in named(diagram, "node")]
    return [(x, y, x + width, y + height) for x, y, width, height, _ in found]


def gap(diagram: Diagram, node: int, point: tuple[float, float]) -> float:
    """The distance from a point to the outline of a node; negative inside."""
    x, y, width, height, radius = numbers(named(diagram, "node")[node])
    # A rounded box is all that lies within the radius of a smaller box.
    inner = np.array([[x + radius, y + radius], [x + width - radius, y + height - radius]])
    nearest = np.clip(point, *inner)
    if not np.array_equal(nearest, point):
        return np.hypot(*(nearest - point)) - radius
    return -radius - min(*(point - inner[0]), *(inner[1] - point))


# The same picture in every run


def test_two_runs_give_the_same_bytes():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_diagrams as t\n"
        "sys.stdout.buffer.write((t.graph().svg + t.layers().svg).encode())\n"
    )
    here = os.path.dirname(__file__)
    runs = [
        subprocess.run(
            [sys.executable, "-c", code, here],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "4711")
    ]
    assert runs[0] == runs[1] == (graph().svg + layers().svg).encode()


@DRAWINGS
def test_svg_holds_no_date_version_or_long_number(draw):
    svg = draw().svg
    assert "metadata" not in svg
    assert "atplotlib" not in svg
    assert not re.search(r"20\d\d-\d\d", svg)
    written = re.findall(r'(?: d| x| y|width|height|rx|viewBox)="([^"]*)"', svg)
    assert written
    assert not any(re.search(r"\.\d{3}|\de", text) for text in written)


@DRAWINGS
def test_reader_settings_neither_matter_nor_change(draw):
    expected = draw().svg
    mine = {"font.size": 31, "text.color": "red", "lines.linewidth": 9, "mathtext.fontset": "cm"}
    with matplotlib.rc_context(mine):
        before = dict(matplotlib.rcParams)
        assert draw().svg == expected
        assert dict(matplotlib.rcParams) == before


def test_settings_come_back_after_an_error():
    before = dict(matplotlib.rcParams)
    with pytest.raises(ValueError, match="nosuchsymbol"):
        graph(nodes={"a": r"$\nosuchsymbol$"}, edges=[])
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_left_alone():
    code = (
        "import sys; from backprop.diagrams import network\n"
        "network([2, 1], title='t', alt='a'); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_figure_stays_open():
    from matplotlib import pyplot

    pyplot.close("all")
    graph()
    layers()
    assert pyplot.get_fignums() == []


# What a page gets


@DRAWINGS
def test_notebook_gets_the_picture_and_the_description(draw):
    data, _ = DisplayFormatter().format(draw())
    assert data == {"image/svg+xml": draw().svg, "text/plain": draw().alt}


@DRAWINGS
def test_title_and_description_are_escaped(draw):
    title, alt = "a < b & \"c\" 'd' </svg>", 'x <script> & "quoted" ]]> é'
    diagram = draw(title=title, alt=alt)
    root = tree(diagram)
    assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    assert (root[0].text, root[1].text) == (title, alt)
    assert (root.get("role"), root.get("aria-label")) == ("img", alt)
    assert "<script>" not in diagram.svg
    assert diagram.svg.startswith("<svg ")


@DRAWINGS
@pytest.mark.parametrize("name", ["title", "alt"])
@pytest.mark.parametrize("empty", ["", "  \n", None])
def test_title_and_description_are_required(draw, name, empty):
    with pytest.raises(ValueError, match=f"{name} is empty"):
        draw(**{name: empty})


@DRAWINGS
def test_every_color_follows_the_theme(draw):
    svg = draw().svg
    for name, (light, _) in palette.COLORS.items():
        svg = svg.replace(f"var(--bp-{name}, {light})", "")
    assert "#" not in svg
    assert "var(" not in svg


@DRAWINGS
def test_dark_ink_has_a_light_ground_without_the_page(draw):
    style = tree(draw()).get("style")
    assert style.endswith(f";background:var(--bp-paper, {palette.light('paper')})")


@DRAWINGS
def test_no_shape_is_black_by_default(draw):
    drawn = list(tree(draw()).find(f"{SVG}g"))
    assert {e.tag for e in drawn} == {f"{SVG}path", f"{SVG}rect"}
    assert all(e.get("style").startswith("fill:") for e in drawn)


@DRAWINGS
def test_nothing_reaches_beyond_the_picture(draw):
    elements = list(tree(draw()).iter())
    assert {e.tag.removeprefix(SVG) for e in elements} == {
        *("svg", "title", "desc", "g", "path", "rect")
    }
    assert not {"id", "href"} & {key for e in elements for key in e.attrib}


@DRAWINGS
def test_canvas_holds_all_shapes(draw):
    root = tree(draw())
    left, upper, wide, high = map(float, root.get("viewBox").split())
    for element in root.find(f"{SVG}g"):
        if element.tag == f"{SVG}rect":
            x, y, width, height, _ = numbers(element)
            xs, ys = [x, x + width], [y, y + height]
        elif element.get("class") == "bp-edge":
            continue  # of a curve, the middle point lies beside it
        else:
            found = [float(text) for text in re.findall(r"-?[\d.]+", element.get("d"))]
            xs, ys = found[::2], found[1::2]
        assert left < min(xs) <= max(xs) < left + wide
        assert upper < -max(ys) <= -min(ys) < upper + high


@DRAWINGS
def test_picture_scales_but_keeps_text_legible(draw):
    root = tree(draw())
    assert root.get("width") is None
    wide = float(root.get("viewBox").split()[2])
    least, most = (
        float(re.search(rf"{which}-width:([\d.]+)px", root.get("style"))[1])
        for which in ("min", "max")
    )
    assert most == wide
    assert SMALL * least / wide >= LEGIBLE


def test_large_picture_fits_the_page_if_that_leaves_it_legible():
    wide = layers(sizes=[1] * 7)
    assert float(tree(wide).get("viewBox").split()[2]) > PAGE
    assert f"max-width:{PAGE}px" in wide.svg
    huge = layers(sizes=[1] * 14)
    assert f"min-width:{PAGE}px;max-width:{PAGE}px" in huge.svg


# Graphs


def test_arrows_touch_boxes_from_outside():
    names = list(NODES)
    diagram = graph()
    tips, lines = outlines(diagram, "tip"), outlines(diagram, "edge")
    assert len(boxes(diagram)) == len(NODES)
    assert len(tips) == len(lines) == len(EDGES)
    for edge, tip, line in zip(EDGES, tips, lines, strict=True):
        source, target = (names.index(name) for name in edge[:2])
        assert gap(diagram, target, tip[0]) == pytest.approx(3, abs=0.1)
        assert gap(diagram, source, line[0]) == pytest.approx(1, abs=0.1)


def test_arrow_passes_a_box_in_its_way():
    nodes = {name: Node(f"${name}$", at=(k, 0)) for k, name in enumerate("abc")}
    diagram = graph(nodes=nodes, edges=[("a", "c")])
    start, control, end = outlines(diagram, "edge")[0]
    middle = tuple((a + 2 * b + c) / 4 for a, b, c in zip(start, control, end, strict=True))
    assert gap(diagram, 1, middle) > 3


def test_two_edges_between_the_same_nodes_are_two_arcs():
    nodes = {"a": Node("$a$", "input"), "b": Node("$a a$")}
    diagram = graph(nodes=nodes, edges=[("a", "b"), ("a", "b")])
    (_, upper, *_), (_, lower, *_) = outlines(diagram, "edge")
    assert upper[1] - lower[1] > 10
    (one, *_), (two, *_) = outlines(diagram, "tip")
    assert one[1] - two[1] > 5


@pytest.mark.parametrize("seed", range(12))
def test_layout_leads_from_left_to_right(seed):
    rng = random.Random(seed)
    names = [f"n{k}" for k in range(rng.randint(2, 9))]
    pairs = [(a, b) for k, b in enumerate(names) for a in names[:k] if rng.random() < 0.4]
    shuffled = rng.sample(names, len(names))
    diagram = graph(nodes=dict.fromkeys(shuffled, "$x$"), edges=pairs)
    place = dict(zip(shuffled, boxes(diagram), strict=True))
    for source, target in pairs:
        assert place[source][2] < place[target][0]
    for k, a in enumerate(names):
        for b in names[:k]:
            apart = (place[a][0] - place[b][2], place[b][0] - place[a][2])
            above = (place[a][1] - place[b][3], place[b][1] - place[a][3])
            assert max(*apart, *above) > 0


def test_given_positions_are_kept_and_y_grows_upward():
    nodes = {"low": Node("l", at=(0, 0)), "high": Node("h", at=(1, 2)), "mid": Node("m", at=(2, 1))}
    low, high, mid = boxes(graph(nodes=nodes, edges=[]))
    assert low[0] < high[0] < mid[0]
    assert low[1] < mid[1] < high[1]
    assert high[1] - mid[1] == mid[1] - low[1]


def test_columns_are_only_as_wide_as_they_must_be():
    def spread(*columns):
        nodes = {f"n{k}": Node("$x$", at=(column, 0)) for k, column in enumerate(columns)}
        return graph(nodes=nodes, edges=[("n0", "n1"), ("n1", "n2", "a long label")])

    assert spread(0, 1, 2).svg == spread(-3, 0.5, 9).svg
    one, two, three = boxes(spread(0, 1, 2))
    assert three[0] - two[2] > two[0] - one[2] + 50


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_differ_by_shape_and_not_by_color_alone(kind):
    shapes = {}
    for name in KINDS:
        (box,) = named(graph(nodes={"a": Node("$a$", name)}, edges=[]), "node")
        shapes[name] = (box.get("rx"), re.search(r"stroke-width:[\d.]+", box.get("style"))[0])
    assert list(shapes.values()).count(shapes[kind]) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"edges": [("x", "nowhere")]}, "no node 'nowhere'"),
        ({"edges": [("lost", "x")]}, "no node 'lost'"),
        (
            {"edges": [("x", "u"), ("u", "y"), ("y", "x")]},
            "cycle.*('x' -> 'u' -> 'y'|'u' -> 'y' -> 'x'|'y' -> 'x' -> 'u')",
        ),
        ({"edges": [("x", "x")]}, "cycle.*'x' -> 'x'"),
        ({"nodes": {}, "edges": []}, "no nodes"),
        ({"nodes": {"a": Node("a", at=(0, 0)), "b": Node("b")}, "edges": []}, "'b' has not"),
        (
            {"nodes": {"a": Node("a", at=(0, 0)), "b": Node("b", at=(0, 0.5))}, "edges": []},
            "'a' and 'b' overlap",
        ),
    ],
)
def test_graph_that_cannot_be_drawn_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        graph(**changes)


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'weight'; expected one of input, parameter"):
        Node("$w$", "weight")


# Networks


def circles(diagram: Diagram, radius: float) -> int:
    """How many circles of a radius there are."""
    found = [numbers(rectangle)[2:] for rectangle in tree(diagram).iter(f"{SVG}rect")]
    return found.count([2 * radius, 2 * radius, radius])


def test_network_shows_every_unit_of_small_layers_and_joins_them():
    diagram = layers(sizes=[3, 7, 2])
    assert circles(diagram, 11) == 12
    assert circles(diagram, 2) == 0
    lines = [p.get("d", "").count("M") for p in tree(diagram).iter(f"{SVG}path")]
    assert 3 * 7 in lines
    assert 7 * 2 in lines


def test_network_abbreviates_large_layers():
    diagram = layers(sizes=[784, 8, 3])
    assert circles(diagram, 11) == 6 + 6 + 3
    assert circles(diagram, 2) == 3 + 3


def test_network_writes_names_shapes_and_weights():
    assert len(named(layers(), "text")) == 3
    full = layers(labels=["in", "mid", "out"], shapes=["a", "b", "c"], weights=["$W$", "$V$"])
    assert len(named(full, "text")) == 3 + 3 + 2
    partial = layers(labels=["in", "", "out"], weights=["$W$", ""])
    assert len(named(partial, "text")) == 2 + 3 + 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": []}, "positive numbers"),
        ({"sizes": [3, 0]}, r"\[3, 0\]"),
        ({"labels": ["one"]}, "labels is .* list of 3 texts"),
        ({"shapes": "abc"}, "shapes is 'abc'"),
        ({"weights": ["a", "b", "c"]}, "list of 2 texts"),
    ],
)
def test_network_that_cannot_be_drawn_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        layers(**changes)
