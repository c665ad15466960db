"""Strangers' Markdown and LaTeX: shown as they mean it, and nothing in it runs, loads or leads."""

# ruff: noqa: RUF001
from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.reports import markdown
from autograder.reports.markdown import LONGEST, finder, render
from autograder.reports.mathml import Unknown, mathml

PNG = "data:image/png;base64,iVBORw0KGgo="
FIND = finder({"image.png": PNG}, {"plots/my figure.png": PNG, "doeada_12_34_scan.png": PNG})


class Elements(HTMLParser):
    """Tags with their attributes, as a browser reads them; `words` is the text."""

    def __init__(self, html: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.found}


# --- formulas ------------------------------------------------------------------------------------

FORMULAS = {
    r"C A^{l-1} B": "<mi>C</mi><msup><mi>A</mi><mrow><mi>l</mi><mo>−</mo><mn>1</mn></mrow></msup>",
    r"\frac{\sigma_i^2}{n}": "<mfrac><msubsup><mi>σ</mi><mi>i</mi><mn>2</mn></msubsup><mi>n</mi>",
    r"\frac12": "<mfrac><mn>1</mn><mn>2</mn></mfrac>",
    r"x^12": "<msup><mi>x</mi><mn>1</mn></msup><mn>2</mn>",
    r"\sum_{i=1}^n x": "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow>",
    r"\|W\|_F": "<msub><mo>‖</mo><mi>F</mi></msub>",
    r"\mathbf{W}\mathbb{R}\mathcal{L}": "<mi>𝐖</mi><mi>ℝ</mi><mi>ℒ</mi>",
    r"\begin{pmatrix}1 & 2\\3 & 4\end{pmatrix}": "<mtr><mtd><mn>3</mn></mtd><mtd><mn>4</mn></mtd>",
    r"\begin{aligned} a &= b \\ &= c \end{aligned}": '<mtable class="lines"><mtr><mtd><mi>a</mi>',
    r"a &= b \\ &= c": '<mtable class="lines">',
    r"\left.\frac ab\right|_{x=0}": '<mo fence="true" stretchy="true">|</mo></mrow><mrow>',
    r"\operatorname{tr}(A) \text{ for all } x": "<mi>tr</mi><mo>(</mo>",
    r"f'(x) \le \sqrt[3]{\hat x}": "<mroot><mover accent",
    r"\lim_{n\to\infty} a_n": "<munder><mi>lim</mi>",
    r"O\big(n\log n\big)": "<mo>(</mo><mi>n</mi><mi>log</mi>",
}


@pytest.mark.parametrize("source", FORMULAS)
def test_a_formula_is_drawn_as_it_is_meant(source: str) -> None:
    assert FORMULAS[source] in mathml(source, display=True)


@pytest.mark.parametrize(
    "source",
    [
        r"\href{javascript:alert(1)}{x}", r"\unknown", "{", "}", "^", "a^b^c", r"\left( x",
        r"\begin{tikzpicture}\end{tikzpicture}", r"\begin{matrix} 1 \end{pmatrix}",
        r"\text{a $b$}", "{" * 500, r"\sqrt" * 500, "x" * 5000, "\\", r"\left", r"\not",
    ],
)  # fmt: skip
def test_what_is_not_known_is_said_and_never_drawn_wrong(source: str) -> None:
    with pytest.raises(Unknown):
        mathml(source)
    shown = Elements(render(f"before ${source}$ after"))
    assert "before" in shown.words
    assert "after" in shown.words or len(source) > 4000


@given(st.text(st.sampled_from(list("ab12{}[]^_&'\\ $<>\"|()")), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_formula_is_mathml_of_known_tags_or_unknown(source: str) -> None:
    try:
        page = Elements(mathml(source))
    except Unknown:
        return
    assert page.tags <= set(
        "math mrow mi mo mn mtext mspace msub msup msubsup munder mover munderover mfrac msqrt "
        "mroot mtable mtr mtd".split()
    )
    assert {name for _, attrs in page.found for name in attrs} <= {
        "display", "alttext", "fence", "stretchy", "class", "accent", "width", "linethickness",
    }  # fmt: skip


# --- Markdown ------------------------------------------------------------------------------------


def test_markdown_means_what_it_means_in_a_notebook() -> None:
    html = render(
        "# Heading\n\nSome **bold** $x_1$.\n\n| a | b |\n|---|---|\n| 1 | $y$ |\n\n"
        "```python\nif x < 1: pass\n```\n\n1. one\n2. two\n\n$$\nz = 1\n$$\n\n"
        "\\begin{align} a &= b \\end{align}\n\nH<sub>2</sub>O"
    )
    for part in (
        '<p class="title">Heading</p>', "<strong>bold</strong>", "<th>a</th>", "x &lt; 1",
        "<li>two</li>", '<math display="block" alttext="z = 1">', '<mtable class="lines">',
        "<sub>2</sub>",
    ):  # fmt: skip
        assert part in html
    assert html.count("<math") == 4


def test_a_formula_that_is_not_understood_stays_readable_as_it_was_written() -> None:
    assert r'<code class="tex">$\foo{x}$</code>' in render(r"so $\foo{x}$ holds")
    assert r'<code class="tex">$$\foo{x}$$</code>' in render("$$\\foo{x}$$")


def test_pictures_are_those_handed_in_and_others_are_named() -> None:
    shown = Elements(render(
        '![my plot](attachment:image.png) <img src="attachment:image.png" width="300" alt="b"> '
        "![c](../elsewhere/my%20figure.png) ![s](scan.png) ![d](http://example.org/x.png) "
        "![e](missing.png)", FIND
    ))  # fmt: skip
    pictures = [attrs for tag, attrs in shown.found if tag == "img"]
    assert [p["alt"] for p in pictures] == ["my plot", "b", "c", "s"]
    assert {p["src"] for p in pictures} == {PNG}
    assert pictures[1]["width"] == "300"
    assert (
        "not handed in, too large, or of a kind not shown: http://example.org/x.png" in shown.words
    )
    assert "missing.png" in shown.words


def test_a_link_is_text_with_its_address_beside() -> None:
    shown = Elements(render("[here](https://example.org/a) <a href='https://b.org'>there</a>"))
    assert "a" not in shown.tags
    assert shown.words.strip() == "here (https://example.org/a) there (https://b.org)"


INJECTIONS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img src='attachment:image.png' onload=alert(1) style='position:fixed'>",
    "![x](javascript:alert(1))",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&#58;alert(1))",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src onerror=1&gt;'>",
    "<math href='javascript:alert(1)'>x</math>",
    "<iframe src=//evil></iframe><object data=//evil></object><embed src=//evil>",
    "<form action=//evil><input autofocus onfocus=alert(1)><button>send</button></form>",
    "<style>body{display:none}</style><link rel=stylesheet href=//evil>",
    "<base href=//evil><meta http-equiv=refresh content='0;url=//evil'>",
    "<div style='background:url(//evil)' onclick=alert(1) id=answers class=first>x</div>",
    "<details open ontoggle=alert(1)>x</details>",
    "<p title='$<img src=x onerror=alert(1)>$'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "$\\text{<img src=x onerror=alert(1)>}$",
    '$"><img src=x onerror=alert(1)>$',
    "$\\foo{<img src=x onerror=alert(1)>}$",
    "$$\n\\foo<script>alert(1)</script>\n$$",
    "$$\n</math><script>alert(1)</script>\n$$",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "<!--><script>alert(1)</script>-->",
    "</main></body><script>alert(1)</script>",
    "\ue0000\ue001 <b title='\ue0000\ue001'>$<script>$</b>",
    "![\ue0000\ue001](attachment:image.png) $<script>$",
    '![`"><script>`](attachment:image.png)',
    "&#xe000;0&#xe001; &#xe000;999&#xe001; $<script>$ &#xe000;" + "9" * 5000 + "&#xe001;",
    "$x$ <img src='attachment:image.png' alt='> &#xe000;0&#xe001; onload=alert(1) '>",
    '<div><img src=attachment:image.png alt="a\'>\n\n$x$\n\n<div title="">',
]
_ALLOWED = {
    "img": {"src", "alt", "width"}, "ol": {"start"}, "p": {"class"}, "code": {"class"},
    "math": {"display", "alttext"}, "mtable": {"class"}, "mspace": {"width"},
    "mo": {"fence", "stretchy"}, "mover": {"accent"},
}  # fmt: skip
_NEVER = set(
    "script style svg iframe object embed form input button link base meta a details "
    "noscript template video audio".split()
)


def assert_harmless(html: str) -> None:
    shown = Elements(html)
    assert not shown.tags & _NEVER
    for tag, attrs in shown.found:
        assert set(attrs) <= _ALLOWED.get(tag, set()), (tag, attrs)
        if tag == "img":
            assert re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,[\w+/=]+", attrs["src"])


@pytest.mark.parametrize("source", INJECTIONS)
def test_nothing_in_an_answer_runs_loads_or_restyles_the_page(source: str) -> None:
    for text in (source, f"text {source} text", f"> {source}", f"| a |\n|---|\n| {source} |"):
        assert_harmless(render(text, FIND))


@given(st.lists(st.sampled_from([*INJECTIONS, "$", "`", "\n\n", "<", ">", "'", '"']), max_size=6))
@settings(max_examples=100, deadline=None)
def test_nor_does_any_mixture_of_them(parts: list[str]) -> None:
    assert_harmless(render("".join(parts), FIND))


def test_only_the_reader_itself_marks_where_a_formula_goes(monkeypatch) -> None:
    """However a mark is written, as it stands or as an entity, a stranger's is a text."""
    mark, other = "ab" * 16, "cd" * 16
    monkeypatch.setattr("secrets.token_hex", lambda size: mark)
    for text in (f"{mark}-%s-", f"&#97;{mark[1:]}-%s&#45;", f"{other}-%s-", "&#xe000;%s&#xe001;"):
        for number in (1, 999, "9" * 5000):
            shown = render(f"a $x$ {text % number} b")
            assert shown.count("<math") == 1
            assert str(number) in shown
    asked: list[int] = []
    monkeypatch.setattr("secrets.token_hex", lambda size: asked.append(size) or other)
    assert "<math" not in render(f"{mark}-0-") + render("&#xe000;0&#xe001;")
    assert asked == [16, 16], "a new one every time, too long to be guessed"


def test_what_was_cut_out_is_still_to_be_read() -> None:
    assert "<script>alert(1)</script>" in Elements(render("<script>alert(1)</script>")).words


GROWING = {
    "bold text that never ends, each of its own kind": lambda n: "".join(
        f"<p><b x={i}>" for i in range(n // 11)
    ),
    "letters that never end, in many paragraphs": lambda n: (
        "<b><i><u><s><em><strong><code>" * 3 + "\n\n" + "a\n\n" * (n // 3)
    ),
    "a wide table of empty rows": lambda n: (
        "|a" * (n // 8) + "|\n" + "|-" * (n // 8) + "|\n" + "|\n" * (n // 4)
    ),
}


@pytest.mark.parametrize("shape", GROWING)
def test_html_that_grows_is_shown_as_it_was_written(shape: str, monkeypatch) -> None:
    source = GROWING[shape](LONGEST)
    made: list[int] = []
    make = markdown.Limited.__call__
    monkeypatch.setattr(
        markdown.Limited, "__call__", lambda self, *a: made.append(1) or make(self, *a)
    )
    shown = render(source)
    assert len(made) < 2 * LONGEST, "elements of a tree, each of which takes memory and time"
    assert len(shown) < 20 * LONGEST
    if "<p><b" in source:
        assert "It grows too large" in shown
        assert "&lt;p&gt;&lt;b x=0&gt;" in shown


def test_html_that_does_not_grow_is_never_too_large() -> None:
    for source in ("a\n\n" * 9000, "|a|b|\n|-|-|\n" + "|1|2|\n" * 4000, "- a\n" * 7000,
                   "<b>a</b>" * 3000, "*a* " * 7000, "$x$ " * 7000):  # fmt: skip
        assert "It grows too large" not in render(source)
    assert "It grows too large" not in render("|||||||||\n|-|-|-|-|-|-|-|-|\n" + "|\n" * 9)


def test_a_very_long_answer_is_cut_with_a_note() -> None:
    assert "more characters" in Elements(render("word " * LONGEST)).words
