"""The sign-in sheet of a session: A4, one row per participant, blank rows up to the capacity, black on white.

The paper carries names and nothing else of anybody. Lengths are millimetres, sizes of letters are points.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import segno

from .ecritures import drawable, visual

FONTS = Path(__file__).parent / "fonts"
FAMILY = "DejaVu"
WIDTH, HEIGHT = 210, 297
SIDE, TOP, BOTTOM = 12, 12, 18
INSIDE = WIDTH - 2 * SIDE
COLUMNS = (("N°", 10), ("Nom et prénom", 72), ("Arrivée", 24), ("Signature", 80))
PAD = 2
ROW, HEADING = 11, 7
CODE = 26
"""The side of the QR code."""
POINT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Ligne:
    """Somebody who has a seat: "AMRANI Yasmina", and whose relative they are."""

    nom: str
    avec: str = ""


@dataclass(frozen=True, slots=True)
class Feuille:
    """One session, in words. `places` is its capacity, None in entrée libre; `adresse` is that of its sheet online."""

    organisation: str
    titre: str
    intitule: str
    quand: str
    lieu: str
    agents: str
    lignes: Sequence[Ligne]
    places: int | None
    adresse: str

    @property
    def vides(self) -> int:
        """Blank rows up to the capacity, for who comes without having booked."""
        return max(0, (self.places or 0) - len(self.lignes))

    @property
    def compte(self) -> str:
        """How many are expected."""
        if self.places is None:
            return "Entrée libre"
        s = "s" if len(self.lignes) > 1 else ""
        return f"{len(self.lignes)} personne{s} inscrite{s}, {self.places} place{'s' if self.places > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Texte:
    """Lines of one size, cut to a width."""

    lignes: Sequence[str]
    taille: float
    gras: bool = False

    @property
    def pas(self) -> float:
        """From one line to the next."""
        return self.taille * POINT * 1.28

    @property
    def hauteur(self) -> float:
        return self.pas * len(self.lignes)


def pdf(feuilles: Sequence[Feuille], titre: str, *, imprimee: str, moment: datetime) -> bytes:
    """All these sheets in one file, each with pages numbered of its own: they are handed out one by one."""
    paper = _Papier(titre, feuilles[0].organisation if feuilles else "", moment)
    for feuille in feuilles:
        _Session(paper, feuille, imprimee).draw()
    return bytes(paper.pdf.output())


class _Papier:
    """A blank file and its two fonts."""

    def __init__(self, titre: str, auteur: str, moment: datetime) -> None:
        # Half a second of imports that only who prints pays.
        from fpdf import FPDF, ViewerPreferences

        self.pdf = FPDF(format="A4")
        self.pdf.set_auto_page_break(False)
        self.pdf.set_margin(0)
        self.pdf.add_font(FAMILY, "", FONTS / "DejaVuSansCondensed.ttf")
        self.pdf.add_font(FAMILY, "B", FONTS / "DejaVuSansCondensed-Bold.ttf")
        self.pdf.set_title(titre)
        self.pdf.set_author(auteur)
        self.pdf.set_lang("fr-FR")
        self.pdf.set_creator("RDV Collectifs")
        self.pdf.set_creation_date(moment)
        self.pdf.viewer_preferences = ViewerPreferences(display_doc_title=True)
        self.pdf.set_draw_color(90)
        self.pdf.set_line_width(0.2)
        self._widths: dict[tuple[str, bool], float] = {}

    def text(self, words: str, size: float, width: float, *, bold: bool = False) -> Texte:
        """The words cut into lines that fit."""
        glyphs = self.pdf.fonts[f"{FAMILY.lower()}{'B' if bold else ''}"].cmap  # type: ignore[union-attr]
        clean = drawable(words, glyphs)
        room = width / (size * POINT)
        return Texte(list(_cut(clean, room, lambda text: self._em(text, bold))) if clean else [], size, bold)

    def width(self, text: Texte) -> float:
        """Of its longest line."""
        return max(self._em(line, text.gras) for line in text.lignes) * text.taille * POINT

    def _em(self, text: str, bold: bool) -> float:
        """How wide the text is at a size of one."""
        total = 0.0
        for char in text:
            if (char, bold) not in self._widths:
                self.pdf.set_font(FAMILY, "B" if bold else "", 100)
                self._widths[char, bold] = self.pdf.get_string_width(char) / (100 * POINT)
            total += self._widths[char, bold]
        return total

    def write(self, x: float, y: float, text: Texte) -> float:
        """Draw it from that corner down; answers where it ends."""
        self.pdf.set_font(FAMILY, "B" if text.gras else "", text.taille)
        for line in text.lignes:
            self.pdf.text(x, y + text.pas * 0.78, visual(line))
            y += text.pas
        return y


def _cut(text: str, room: float, measure: Callable[[str], float]) -> Iterator[str]:
    """Lines no wider than `room`: between words, after a hyphen, and inside a word that has a line of its own."""
    line = ""
    for word in re.split(r"(?<=[ -])", text):
        if measure((line + word).rstrip()) <= room:
            line += word
            continue
        if line:
            yield line.rstrip()
        while measure(word.rstrip()) > room:
            fits = 1
            while measure(word[: fits + 1]) <= room:
                fits += 1
            yield word[:fits]
            word = word[fits:]
        line = word
    if line:
        yield line.rstrip()


class _Session:
    """One session on its pages."""

    def __init__(self, paper: _Papier, feuille: Feuille, imprimee: str) -> None:
        self.paper, self.feuille, self.imprimee = paper, feuille, imprimee
        width = INSIDE - CODE - 6
        self.top = [
            paper.text(feuille.organisation, 9, width),
            paper.text(feuille.titre, 17, width, bold=True),
            paper.text(feuille.intitule, 12, width),
            paper.text(feuille.quand[:1].upper() + feuille.quand[1:], 11.5, width, bold=True),
            paper.text(feuille.lieu, 10.5, width),
            paper.text(f"Avec {feuille.agents}" if feuille.agents else "", 10.5, width),
            paper.text(feuille.compte, 10.5, width),
        ]
        self.again = paper.text(f"{feuille.titre}, {feuille.quand} (suite)", 9.5, INSIDE, bold=True)
        room = COLUMNS[1][1] - 2 * PAD
        self.rows = [
            (paper.text(one.nom, 10.5, room, bold=True), paper.text(one.avec, 8.5, room)) for one in feuille.lignes
        ]
        free = HEIGHT - BOTTOM - self._head_height() - HEADING
        fills = int(free // ROW) if feuille.places is None else 0  # where nobody books: one page of blank rows
        self.rows += [(Texte((), 10.5), Texte((), 8.5))] * max(feuille.vides, fills)

    def draw(self) -> None:
        """Its pages, one after the other."""
        pages, number = self._pages(), 0
        for index, rows in enumerate(pages):
            self.paper.pdf.add_page()
            if index == 0:
                self.paper.pdf.start_section(f"{self.feuille.titre}, {self.feuille.quand}")
            y = self._head() if index == 0 else self.paper.write(SIDE, TOP, self.again) + 2
            y = self._headings(y)
            for name, beside in rows:
                number += 1
                y = self._row(y, number, name, beside)
            self._foot(index + 1, len(pages))

    def _pages(self) -> list[list[tuple[Texte, Texte]]]:
        """The rows by page: none is ever cut."""
        pages: list[list[tuple[Texte, Texte]]] = [[]]
        free = HEIGHT - BOTTOM - self._head_height() - HEADING
        for row in self.rows:
            tall = _height(row)
            if tall > free:
                pages.append([])
                free = HEIGHT - BOTTOM - (TOP + self.again.hauteur + 2) - HEADING
            pages[-1].append(row)
            free -= tall
        return pages

    def _head_height(self) -> float:
        return max(TOP + sum(text.hauteur for text in self.top) + 4, TOP + CODE + 8)

    def _head(self) -> float:
        """What the session is, and the code that opens its sheet; answers where the table begins."""
        y: float = TOP
        for text in self.top:
            y = self.paper.write(SIDE, y, text)
        left = WIDTH - SIDE - CODE
        self._code(left, TOP)
        self.paper.write(left, TOP + CODE + 0.5, self.paper.text("Ouvrir la fiche en ligne", 6.5, CODE))
        return self._head_height()

    def _code(self, x: float, y: float) -> None:
        """The QR code, as plain rectangles."""
        matrix = segno.make(self.feuille.adresse, error="m", micro=False).matrix
        module = CODE / len(matrix)
        self.paper.pdf.set_fill_color(0)
        for row, line in enumerate(matrix):
            for run in re.finditer(b"\x01+", bytes(line)):
                self.paper.pdf.rect(
                    x + run.start() * module, y + row * module, len(run.group()) * module, module, style="F"
                )
        self.paper.pdf.link(x, y, CODE, CODE, self.feuille.adresse)

    def _headings(self, y: float) -> float:
        self.paper.pdf.set_fill_color(228)
        x: float = SIDE
        for name, width in COLUMNS:
            self.paper.pdf.rect(x, y, width, HEADING, style="DF")
            self.paper.write(x + PAD, y + 1.5, self.paper.text(name, 9, width - PAD, bold=True))
            x += width
        return y + HEADING

    def _row(self, y: float, number: int, name: Texte, beside: Texte) -> float:
        tall = _height((name, beside))
        x: float = SIDE
        for _, width in COLUMNS:
            self.paper.pdf.rect(x, y, width, tall)
            x += width
        label = self.paper.text(str(number), 9, COLUMNS[0][1] - PAD)
        self.paper.write(SIDE + PAD, y + (tall - label.hauteur) / 2, label)
        inside = y + (tall - name.hauteur - beside.hauteur) / 2
        inside = self.paper.write(SIDE + COLUMNS[0][1] + PAD, inside, name)
        self.paper.write(SIDE + COLUMNS[0][1] + PAD, inside, beside)
        return y + tall

    def _foot(self, page: int, pages: int) -> None:
        y = HEIGHT - BOTTOM + 5
        self.paper.write(SIDE, y, self.paper.text(self.imprimee, 8, INSIDE - 30))
        words = self.paper.text(f"page {page}/{pages}", 8, 30)
        self.paper.write(WIDTH - SIDE - self.paper.width(words), y, words)


def _height(row: tuple[Texte, Texte]) -> float:
    return max(ROW, row[0].hauteur + row[1].hauteur + 2 * PAD)
