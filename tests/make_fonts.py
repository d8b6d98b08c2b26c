"""Makes the window's fonts: Inter's letters with Lucide's icons in one file each, because fonts cannot be merged while it runs.

`python -m tests.make_fonts INTER_FOLDER LUCIDE_FOLDER` (Debian's fonts-inter, and the npm package lucide-static, unpacked).
"""

import json
import sys
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

FONTS = Path(__file__).resolve().parent.parent / "graph_editor" / "fonts"
WEIGHTS = {"Inter-Regular": "regular", "Inter-Medium": "medium", "Inter-SemiBold": "semibold"}
LETTERS = [*range(0x20, 0x180), *range(0x370, 0x400), *range(0x400, 0x460), *range(0x2010, 0x2040)]
LETTERS += [0x20AC, 0x2022, 0x2026, 0x2190, 0x2191, 0x2192, 0x2193, 0x2212, 0x221E, 0x2248, 0x2264, 0x2265]
LETTERS += [0x25CF, 0x25CB, 0x2318, 0x203A]
ICONS = (
    "activity align-horizontal-distribute-center align-left archive arrow-right audio-lines audio-waveform bookmark box "
    "boxes brain bug camera chart-line chart-scatter check chevron-down chevron-left chevron-right circle circle-dot "
    "circle-help circle-x clipboard clock copy corner-down-left cpu crosshair database disc download ear eye eye-off file "
    "file-audio file-plus film folder folder-open frame gauge git-branch group hand hard-drive headphones heart history "
    "house image keyboard layers layout-grid library link list lock lock-open map maximize menu message-square mic mic-off "
    "minimize minus monitor mouse-pointer move music network octagon-alert octagon-x package palette panel-right pause "
    "pencil piano pin pin-off play plug plus power radio redo-2 refresh-cw repeat rocket rotate-ccw save save-all scan-face "
    "scissors search send settings share-2 shield skip-back sliders-horizontal sliders-vertical smile sparkles square star "
    "tag target timer trash-2 triangle-alert undo-2 ungroup unlink unplug upload user video volume-2 volume-x waves webcam "
    "workflow x zap zoom-in zoom-out "
)
FIRST_ICON = 0xE000


def make(source: Path, lucide: Path, out: Path) -> tuple[dict[str, int], dict[str, float]]:
    """One font file; gives the code point of each icon, and the width of each letter in parts of the font's height."""
    letters, icons = TTFont(source), TTFont(lucide / "font" / "lucide.ttf")
    info = json.loads((lucide / "font" / "info.json").read_text())
    codes = {name: int(found["encodedCode"].lstrip("\\"), 16) for name, found in info.items()}
    units, their_units = letters["head"].unitsPerEm, icons["head"].unitsPerEm
    glyphs, widths, characters = {".notdef": TTGlyphPen(None).glyph()}, {".notdef": units // 2}, {}
    outlines, names = letters.getGlyphSet(), letters.getBestCmap()
    for code in LETTERS:
        if code in names:
            pen, name = TTGlyphPen(None), f"u{code:04X}"
            outlines[names[code]].draw(Cu2QuPen(pen, units / 1000, reverse_direction=True))
            glyphs[name], widths[name], characters[code] = pen.glyph(), outlines[names[code]].width, name
    outlines, names = icons.getGlyphSet(), icons.getBestCmap()
    places = {}
    scale, middle = 1.12 * units / their_units, letters["OS/2"].sCapHeight / 2
    for number, icon in enumerate(sorted(ICONS.split())):
        glyph, pen, name = outlines[names[codes[icon]]], TTGlyphPen(None), f"icon{number}"
        # The icon's box is centred on the middle of the capitals, so that it stands well beside words.
        glyph.draw(TransformPen(pen, (scale, 0, 0, scale, 0, middle - scale * their_units / 2)))
        places[icon] = FIRST_ICON + number
        glyphs[name], widths[name], characters[places[icon]] = pen.glyph(), int(1.06 * scale * glyph.width), name
    build = FontBuilder(units, isTTF=True)
    build.setupGlyphOrder(list(glyphs))
    build.setupCharacterMap(characters)
    build.setupGlyf(glyphs)
    left = {name: getattr(build.font["glyf"][name], "xMin", 0) for name in glyphs}
    build.setupHorizontalMetrics({name: (int(width), left[name]) for name, width in widths.items()})
    above, below = letters["hhea"].ascent, letters["hhea"].descent
    build.setupHorizontalHeader(ascent=above, descent=below)
    build.setupNameTable({"familyName": "Glasspatch UI", "styleName": out.stem.title()})
    build.setupOS2(sTypoAscender=above, sTypoDescender=below, usWinAscent=above, usWinDescent=-below)
    build.setupPost()
    build.save(out)
    return places, {chr(code): round(widths[name] / (above - below), 4) for code, name in characters.items()}


if __name__ == "__main__":
    inter, lucide_folder = map(Path, sys.argv[1:])
    letters_of = {}
    for weight, file in WEIGHTS.items():
        found, letters_of[file] = make(inter / f"{weight}.otf", lucide_folder, FONTS / f"{file}.ttf")
    (FONTS / "widths.json").write_text(json.dumps(letters_of, sort_keys=True) + "\n")
    (FONTS / "icons.json").write_text(json.dumps(found, indent=1) + "\n")
    print(f"{len(found)} icons, {sum(file.stat().st_size for file in FONTS.glob('*.ttf')) // 1000} kB")
