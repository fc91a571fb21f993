from xml.etree import ElementTree

from recsys.reports.axes import Axis
from recsys.reports.charts import Plane, Shape
from recsys.reports.drawing import Panel, drawing

SVG = "{http://www.w3.org/2000/svg}"
PLANE = Plane(Axis(0, 10, 5), Axis(0, 4, 2))
LINE = Shape("now-line", PLANE.line([(0, 0), (10, 4)]))


def test_panels_lie_side_by_side_with_their_ticks_and_shapes() -> None:
    both = [
        Panel("recall & <nDCG>", PLANE.chart([LINE]), "examples", {"now-line": "warm"}),
        Panel("AUC", PLANE.chart([LINE]), "days", {}),
    ]
    root = ElementTree.fromstring(drawing(both))
    assert root.tag == f"{SVG}svg"
    first, second = root.findall(f"{SVG}g")
    texts = [text.text for text in first.findall(f"{SVG}text")]
    assert texts == ["recall & <nDCG>", "0", "2", "4", "0", "5", "10", "examples", "warm"]
    assert "warm" not in [text.text for text in second.findall(f"{SVG}text")]
    for panel in (first, second):
        [inner] = panel.findall(f"{SVG}svg")
        assert LINE.path in [path.get("d") for path in inner]
    assert first.get("transform") != second.get("transform")


def test_a_drawing_needs_nothing_else() -> None:
    text = drawing([Panel("AUC", PLANE.chart([LINE]), "days", {})])
    left = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not any(word in left for word in ("http", "url(", "@import", "href", "<script"))
    assert "prefers-color-scheme: dark" in left
