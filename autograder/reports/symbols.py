"""The names that LaTeX has for signs and letters, as tables: a name and what it stands for."""

# ruff: noqa: RUF001
from __future__ import annotations


def _table(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


LETTERS = _table(
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι "
    "kappa κ lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ "
    "upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π "
    "Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω ell ℓ hbar ℏ imath ı jmath ȷ Re ℜ Im ℑ aleph ℵ "
    "infty ∞ partial ∂ nabla ∇ emptyset ∅ varnothing ∅ top ⊤ bot ⊥ angle ∠ degree °"
)
OPERATORS = _table(
    "cdot ⋅ times × div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗ "
    "odot ⊙ wedge ∧ vee ∨ land ∧ lor ∨ lnot ¬ neg ¬ cap ∩ cup ∪ setminus ∖ le ≤ leq ≤ leqslant ⩽ "
    "ge ≥ geq ≥ geqslant ⩾ ne ≠ neq ≠ ll ≪ gg ≫ lt < gt > approx ≈ sim ∼ simeq ≃ cong ≅ "
    "equiv ≡ propto ∝ doteq ≐ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ perp ⊥ "
    "parallel ∥ mid ∣ to → rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ "
    "Leftrightarrow ⇔ longrightarrow ⟶ Longrightarrow ⟹ implies ⟹ iff ⟺ mapsto ↦ uparrow ↑ "
    "downarrow ↓ prec ≺ succ ≻ preceq ⪯ succeq ⪰ forall ∀ exists ∃ therefore ∴ because ∵ "
    "ldots … dots … dotsc … dotsb ⋯ cdots ⋯ vdots ⋮ ddots ⋱ prime ′ dagger † colon : "
    "langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ vert | lvert | rvert | Vert ‖ lVert ‖ "
    "rVert ‖ lbrace { rbrace } lbrack [ rbrack ] backslash ∖ triangleq ≜ coloneqq ≔"
)
LARGE = _table(
    "sum ∑ prod ∏ int ∫ oint ∮ iint ∬ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁ bigwedge ⋀"
)
FUNCTIONS = set(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp det dim ker deg "
    "arg gcd hom Pr lim max min sup inf limsup liminf argmax argmin tr rank diag sign span".split()
)
BELOW = set("lim max min sup inf limsup liminf argmax argmin det gcd Pr".split())
BELOW |= {name for name in LARGE if "int" not in name}
ACCENTS = _table(
    "hat ^ widehat ^ check ˇ tilde ~ widetilde ~ bar ¯ overline ¯ vec → overrightarrow → dot ˙ "
    "ddot ¨ mathring ˚ overbrace ⏞"
)
UNDER = _table("underline _ underbrace ⏟")
CHARACTERS = _table(r"\{ { \} } \| ‖ \% % \# # \& & \$ $ \_ _ - − * ∗ ' ′")
SPACES = _table(r"\, 0.17 \: 0.22 \; 0.28 \! -0.17 ~ 0.33 \quad 1 \qquad 2") | {"\\ ": "0.33"}
SILENT = set("limits nolimits displaystyle textstyle scriptstyle nonumber notag middle".split())
TEXTS = set(
    "text textrm textnormal textbf textit texttt mbox operatorname mathrm tag label".split()
)
FONTS = _table(
    "mathbf BOLD boldsymbol BOLD bm BOLD mathbb DOUBLE-STRUCK mathcal SCRIPT mathscr SCRIPT "
    "mathfrak FRAKTUR mathsf SANS-SERIF mathtt MONOSPACE"
) | {"mathit": "", "mathnormal": ""}
FENCES = _table("pmatrix () bmatrix [] Bmatrix {} vmatrix || Vmatrix ‖‖ cases {") | dict.fromkeys(
    ("matrix", "smallmatrix", "array"), ""
)
LINES = set("aligned align alignat gathered gather split equation eqnarray multline".split())
