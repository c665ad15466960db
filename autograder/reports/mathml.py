r"""A formula in LaTeX -> MathML, which browsers draw without a script and without the network.

Comes in: a stranger's formula, as it stands between dollar signs. Goes out: MathML of fixed tags,
in which the stranger's text is escaped; for what is not known here, Unknown is raised, and the page
shows the source as it was written. What is known: what homework is written in (fractions, roots,
indices, sums, fonts, accents, delimiters, matrices, aligned lines).
"""

from __future__ import annotations

import re
import unicodedata
from html import escape

from autograder.reports import symbols

LONGEST = 4000  # characters of one formula
_DEEPEST = 60  # groups within groups

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|[^\s]|\s+", re.DOTALL)


class Unknown(Exception):
    """A formula that is shown as source. Says what is not known."""


_SIZES = re.compile(r"\\(?:big|Big|bigg|Bigg)[lrm]?$")
_ELEMENTS = (
    {name: f"<mi>{letter}</mi>" for name, letter in symbols.LETTERS.items()}
    | {n: f"<mo>{escape(sign)}</mo>" for n, sign in (symbols.OPERATORS | symbols.LARGE).items()}
    | {name: f"<mi>{name}</mi>" for name in symbols.FUNCTIONS}
    | dict.fromkeys(symbols.SILENT, "")
)
_ENDS = ("}", "&", "\\\\", "\\right", "\\end", "")


def mathml(source: str, display: bool = False) -> str:
    """The formula as a <math> element. Raises Unknown."""
    if len(source) > LONGEST:
        raise Unknown("it is too long")
    parser = _Parser(_TOKEN.findall(source.strip()), display)
    rows = parser.rows("")
    body = rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else _lines(rows)
    kind = "block" if display else "inline"
    return f'<math display="{kind}" alttext="{escape(source.strip())}">{body}</math>'


class _Parser:
    """Reads tokens from left to right; every method returns MathML of what it has read."""

    def __init__(self, tokens: list[str], display: bool):
        self.tokens = [*(token for token in tokens), ""]
        self.place = 0
        self.depth = 0
        self.display = display

    def peek(self) -> str:
        while self.tokens[self.place].isspace():
            self.place += 1
        return self.tokens[self.place]

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        if wanted is not None and token != wanted:
            raise Unknown(f"{wanted!r} is missing")
        if token:
            self.place += 1
        return token

    def rows(self, end: str) -> list[list[str]]:
        """Rows of cells, until the token `end`, which is taken."""
        rows, cells = [], [self.row()]
        while (token := self.take()) != end:
            if token == "&":
                cells.append(self.row())
            elif token == "\\\\":
                if self.peek() == "[":
                    self.raw("[", "]")
                rows.append(cells)
                cells = [self.row()]
            else:
                raise Unknown(f"{token!r} stands where {end!r} is expected")
        return [*rows, cells] if cells != ["<mrow></mrow>"] or not rows else rows

    def row(self, ends: tuple[str, ...] = _ENDS) -> str:
        parts = []
        while self.peek() not in ends:
            parts.append(self.scripted())
        return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"

    def scripted(self) -> str:
        """An atom with what stands below and above it."""
        head = self.peek()
        base = "<mrow></mrow>" if head in ("_", "^", "'") else self.atom()
        below = above = ""
        while (token := self.peek()) in ("_", "^", "'", "\\limits", "\\nolimits"):
            self.take()
            if token == "_" and not below:
                below = self.argument()
            elif token == "^" and not above:
                above = self.argument()
            elif token == "'":
                above = f"<mrow>{above}<mo>\u2032</mo></mrow>"
            elif token in ("_", "^"):
                raise Unknown(f"{token!r} stands twice")
        stacked = head[1:] in symbols.BELOW
        stacked = (stacked and self.display) or head in ("\\underbrace", "\\overbrace")
        tags = ("munder", "mover", "munderover") if stacked else ("msub", "msup", "msubsup")
        if below and above:
            return f"<{tags[2]}>{base}{below}{above}</{tags[2]}>"
        if below or above:
            tag = tags[0] if below else tags[1]
            return f"<{tag}>{base}{below or above}</{tag}>"
        return base

    def argument(self) -> str:
        if self.peek() == "{":
            return self.atom()
        if self.peek() in _ENDS:
            raise Unknown("an argument is missing")
        if len(number := self.peek()) > 1 and number[0].isdigit():  # x^12 is x^1 followed by 2
            self.tokens[self.place : self.place + 1] = number[0], number[1:]
        return self.atom()

    def raw(self, opening: str = "{", closing: str = "}") -> str:
        """The text between two brackets, as it stands."""
        self.take(opening)
        taken, depth = [], 1
        while depth:
            token = self.tokens[self.place]
            if not token:
                raise Unknown(f"{closing!r} is missing")
            self.place += 1
            depth += (token == opening) - (token == closing)
            taken.append(token)
        return "".join(taken[:-1])

    def atom(self) -> str:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unknown("it is nested too deeply")
        atom = self.single()
        self.depth -= 1
        return atom

    def single(self) -> str:
        token = self.take()
        if token == "{":
            inner = self.row()
            self.take("}")
            return inner
        if token in _ENDS:
            raise Unknown(f"{token!r} stands where something is missing")
        if token in symbols.SPACES:
            return f'<mspace width="{symbols.SPACES[token]}em"></mspace>'
        if token in symbols.CHARACTERS:
            return f"<mo>{escape(symbols.CHARACTERS[token])}</mo>"
        if _SIZES.match(token):
            return f"<mo>{escape(self.delimiter())}</mo>"
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{escape(token)}</mi>"
        return f"<mo>{escape(token)}</mo>"

    def command(self, name: str) -> str:
        if name in _ELEMENTS:
            return _ELEMENTS[name]
        if name in symbols.TEXTS:
            return self.text(name)
        if name in symbols.FONTS:
            return self.font(symbols.FONTS[name])
        if name in symbols.ACCENTS:
            return f'<mover accent="true">{self.argument()}<mo>{symbols.ACCENTS[name]}</mo></mover>'
        if name in symbols.UNDER:
            return f"<munder>{self.argument()}<mo>{symbols.UNDER[name]}</mo></munder>"
        if name in ("frac", "dfrac", "tfrac", "cfrac"):
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name in ("binom", "overset", "stackrel", "underset"):
            return self.stacked(name)
        if name == "sqrt":
            return self.root()
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.environment()
        if name == "not":
            return f"<mo>{escape(self.plain_atom())}\u0338</mo>"
        raise Unknown(f"\\{name} is not known")

    def text(self, name: str) -> str:
        text = self.raw().replace("\\ ", " ").replace("~", " ")
        if name == "label":
            return ""
        if "$" in text or "\\" in text:
            raise Unknown("a formula in a text")
        tag = "mi" if name in ("operatorname", "mathrm") else "mtext"
        return f"<{tag}>{escape(text)}</{tag}>"

    def font(self, style: str) -> str:
        """Letters in another alphabet; a group with more than letters keeps it for the letters."""
        inner = self.argument()
        if not style:
            return inner
        return re.sub(
            r"<(mi|mn)>(\w+)</\1>",
            lambda m: f"<{m[1]}>{''.join(_styled(c, style) for c in m[2])}</{m[1]}>",
            inner,
        )

    def stacked(self, name: str) -> str:
        first, second = self.argument(), self.argument()
        if name == "binom":
            return _fence("(", f'<mfrac linethickness="0">{first}{second}</mfrac>', ")")
        tag = "munder" if name == "underset" else "mover"
        return f"<{tag}>{second}{first}</{tag}>"

    def root(self) -> str:
        if self.peek() != "[":
            return f"<msqrt>{self.argument()}</msqrt>"
        self.take()
        degree = self.row(("]", *_ENDS))
        self.take("]")
        return f"<mroot>{self.argument()}{degree}</mroot>"

    def fenced(self) -> str:
        opening, inner = self.delimiter(), self.row()
        self.take("\\right")
        return _fence(opening, inner, self.delimiter())

    def delimiter(self) -> str:
        text = self.plain_atom()
        return "" if text == "." else text

    def plain_atom(self) -> str:
        """The next token, which is to be one character."""
        found = re.fullmatch(r"<m[oi]>([^<]*)</m[oi]>", self.atom())
        if not found:
            raise Unknown("a delimiter is missing")
        return found[1].replace("&lt;", "⟨").replace("&gt;", "⟩").replace("&amp;", "&")

    def environment(self) -> str:
        name = self.raw()
        bare = name.rstrip("*")
        if bare not in symbols.FENCES and bare not in symbols.LINES:
            raise Unknown(f"\\begin{{{name}}} is not known")
        if bare in ("array", "alignat"):
            self.raw()
        rows = self.rows("\\end")
        if self.raw() != name:
            raise Unknown(f"\\end{{{name}}} is missing")
        if bare in symbols.LINES:
            return _lines(rows)
        fences = symbols.FENCES[bare]
        return _fence(fences[:1], _matrix(rows, "left" if bare == "cases" else ""), fences[1:])


def _styled(character: str, style: str) -> str:
    name = unicodedata.name(character, "")
    for kind in ("CAPITAL", "SMALL"):
        letter = name.removeprefix(f"LATIN {kind} LETTER ").removeprefix(f"GREEK {kind} LETTER ")
        if letter != name and f" {kind} " in name:
            for full in (f"MATHEMATICAL {style} {kind} {letter}", f"{style} {kind} {letter}"):
                try:
                    return unicodedata.lookup(full)
                except KeyError:
                    continue
    try:
        return unicodedata.lookup(f"MATHEMATICAL {style} {name}")  # a digit
    except KeyError:
        return character


def _fence(opening: str, inner: str, closing: str) -> str:
    left, right = (
        f'<mo fence="true" stretchy="true">{escape(mark)}</mo>' if mark else ""
        for mark in (opening, closing)
    )
    return f"<mrow>{left}{inner}{right}</mrow>"


def _matrix(rows: list[list[str]], align: str = "") -> str:
    kind = f' class="{align}"' if align else ""
    cells = (f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in row)}</mtr>" for row in rows)
    return f"<mtable{kind}>{''.join(cells)}</mtable>"


def _lines(rows: list[list[str]]) -> str:
    """Lines under each other, their columns right and left of the sign in turn."""
    return _matrix(rows, "lines")
