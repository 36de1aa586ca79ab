# SPDX-License-Identifier: AGPL-3.0-or-later
"""Makes the three typefaces of this package out of Noto's own files.

    pip install fonttools==4.68.0; apt-get install fonts-noto-core=20201225-1
    python3 make.py /usr/share/fonts/truetype/noto && sha256sum *.ttf > SHA256SUMS

Each is Noto Sans with the letters this project writes: Latin, Cyrillic with
Kazakh, punctuation. Arrows and mathematical signs, which Noto Sans lacks, are
Noto Sans Math's; boxes and ticks are Noto Sans Symbols 2's.
"""
import sys
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

LETTERS = [
    (0x20, 0x7E), (0xA0, 0x17F), (0x18F, 0x18F), (0x218, 0x21B), (0x259, 0x259), (0x2BC, 0x2BC),
    (0x2C6, 0x2DD), (0x300, 0x30C), (0x400, 0x52F), (0x1E80, 0x1E85), (0x1EF2, 0x1EF3),
    (0x2010, 0x2027), (0x202F, 0x202F), (0x2030, 0x2030), (0x2032, 0x2033), (0x2039, 0x203A), (0x2044, 0x2044),
    (0x2070, 0x2079), (0x2080, 0x2089), (0x20AC, 0x20AC), (0x20B8, 0x20B8), (0x20BD, 0x20BD),
    (0x2116, 0x2116), (0x2122, 0x2122), (0x2153, 0x2154), (0x215B, 0x215E), (0xFFFD, 0xFFFD),
]
SIGNS = {
    "NotoSansMath-Regular": [0x2190, 0x2191, 0x2192, 0x2193, 0x2194, 0x2212, 0x2248, 0x2260, 0x2264, 0x2265],
    "NotoSansSymbols2-Regular": [0x25A0, 0x25A1, 0x25CF, 0x25CB, 0x2610, 0x2611, 0x2713],
}


def add(font, other, code):
    glyphs, name = other.getGlyphSet(), other.getBestCmap()[code]
    pen, drawn = TTGlyphPen(None), DecomposingRecordingPen(glyphs)
    glyphs[name].draw(drawn)
    drawn.replay(pen)
    new = "uni%04X" % code
    if new in font.getGlyphOrder():
        return
    font.setGlyphOrder(font.getGlyphOrder() + [new])
    font["glyf"].glyphOrder = font.getGlyphOrder()
    font["glyf"].glyphs[new] = pen.glyph()
    font["hmtx"].metrics[new] = other["hmtx"].metrics[name]
    for table in font["cmap"].tables:
        if table.isUnicode():
            table.cmap[code] = new


def main(source):
    for style in ("Regular", "Bold", "Italic"):
        font = TTFont(f"{source}/NotoSans-{style}.ttf", recalcTimestamp=False)
        wanted = {c for low, high in LETTERS for c in range(low, high + 1)}
        for name, codes in SIGNS.items():
            other = TTFont(f"{source}/{name}.ttf")
            assert other["head"].unitsPerEm == font["head"].unitsPerEm
            for code in codes:
                if code not in font.getBestCmap():
                    add(font, other, code)
                wanted.add(code)
        options = Options()
        options.hinting = False  # paper and pictures need none; it is half of the file
        options.layout_features = []
        options.drop_tables += ["GDEF", "GPOS", "GSUB", "DSIG", "gasp"]
        options.name_IDs = ["*"]  # copyright and licence stay within the file
        options.glyph_names = False
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=wanted)
        subsetter.subset(font)
        font.save(f"NotoSans-{style}.ttf", reorderTables=None)


main(sys.argv[1])
