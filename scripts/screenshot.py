#!/usr/bin/env python3
"""Turn a terminal's screen into an SVG picture for the documentation.

Usage: tmux capture-pane -e -p | screenshot.py > docs/images/terminal.svg
"""

import html
import re
import sys

COLOURS = ["#1d1f21", "#cc6666", "#8abd68", "#f0c674", "#81a2be", "#b294bb", "#8abeb7", "#c5c8c6",
           "#7a7d80", "#d54e53", "#b9ca4a", "#e7c547", "#7aa6da", "#c397d8", "#70c0b1", "#eaeaea"]
WIDTH, HEIGHT, SIZE, MARGIN = 8.4, 18, 14, 14


def style(codes, now):
    """Fold one SGR sequence into (colour, bold, reverse)."""
    colour, bold, reverse = now
    codes = [int(c or 0) for c in codes.split(";")] if codes else [0]
    while codes:
        c = codes.pop(0)
        if c == 0:
            colour, bold, reverse = None, False, False
        elif c == 1:
            bold = True
        elif c == 7:
            reverse = True
        elif c == 27:
            reverse = False
        elif 30 <= c <= 37:
            colour = c - 30
        elif 90 <= c <= 97:
            colour = c - 82
        elif c == 39:
            colour = None
        elif c in (38, 48) and codes[:1] == [5]:
            value = codes[1]
            codes = codes[2:]
            if c == 38:
                colour = value % 16
    return colour, bold, reverse


def draw(lines):
    columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    width, height = columns * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
           f'<rect width="100%" height="100%" rx="8" fill="{COLOURS[0]}"/>',
           f'<g font-family="ui-monospace,SFMono-Regular,Menlo,DejaVu Sans Mono,monospace" font-size="{SIZE}" fill="{COLOURS[7]}">']
    now = (None, False, False)
    for row, line in enumerate(lines):
        column = 0
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            if match := re.fullmatch(r"\x1b\[([0-9;]*)m", part):
                now = style(match.group(1), now)
                continue
            if part.strip():
                colour, bold, reverse = now
                x, y = MARGIN + column * WIDTH, MARGIN + (row + 0.75) * HEIGHT
                fill = COLOURS[colour] if colour is not None else COLOURS[7]
                if reverse:
                    out.append(f'<rect x="{x:.1f}" y="{y - 0.75 * HEIGHT:.1f}" width="{len(part) * WIDTH:.1f}" height="{HEIGHT}" fill="{fill}"/>')
                    fill = COLOURS[0]
                weight = ' font-weight="bold"' if bold else ""
                out.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}"{weight} textLength="{len(part) * WIDTH:.1f}" '
                           f'lengthAdjust="spacingAndGlyphs" xml:space="preserve">{html.escape(part)}</text>')
            column += len(part)
    return "\n".join(out + ["</g>", "</svg>"])


print(draw(sys.stdin.read().rstrip("\n").split("\n")))
