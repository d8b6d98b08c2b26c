"""How the report looks: one dark page, in the inks of the program's pictures, that prints well too."""

from runtime.picture import GRID, INK, LINES, PAPER, QUIET

STYLE = f"""
:root {{ color-scheme: dark; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: {PAPER}; color: {INK}; font: 16px/1.55 system-ui, "Segoe UI", Inter, sans-serif; }}
main {{ max-width: 62rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }}
h1 {{ font-size: 2.2rem; line-height: 1.15; margin: 0 0 .4rem; overflow-wrap: anywhere; }}
h1.patch {{ font-size: 1.7rem; margin-top: 3.5rem; padding-top: 1.5rem; border-top: 2px solid {GRID}; }}
h2 {{ font-size: 1.25rem; margin: 2.8rem 0 .8rem; padding-bottom: .35rem; border-bottom: 1px solid {GRID}; }}
h3 {{ font-size: 1rem; margin: 1.8rem 0 .3rem; }}
h3 small, th small {{ display: block; font-weight: 400; font-size: .85rem; color: {QUIET}; }}
p {{ margin: .35rem 0; max-width: 46rem; }}
p.lead {{ color: {QUIET}; font-size: 1.05rem; }}
p.problem {{ color: {LINES[2]}; }}
p.problem::before {{ content: "\\26A0\\00A0"; }}
audio {{ width: 100%; margin: 1rem 0 .5rem; }}
figure {{ margin: 1rem 0; }}
img {{ display: block; max-width: 100%; height: auto; border-radius: 8px; border: 1px solid {GRID}; }}
figcaption {{ color: {QUIET}; font-size: .85rem; margin-top: .4rem; max-width: 46rem; }}
.wide {{ overflow-x: auto; margin: .6rem 0; }}
table {{ border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .45rem .7rem .45rem 0; border-bottom: 1px solid {GRID}; }}
thead th {{ color: {QUIET}; font-weight: 500; white-space: nowrap; }}
table.card td:first-child {{ color: {QUIET}; width: 14rem; }}
table.card thead {{ display: none; }}
table.checks th {{ font-weight: 600; width: 32%; }}
.verdict {{
  white-space: nowrap; padding: .1rem .55rem; border-radius: 1rem; background: {GRID}; color: {QUIET}; font-size: .8rem;
}}
tr.good .verdict {{ background: #1c3a2a; color: {LINES[0]}; }}
tr.bad .verdict {{ background: #40301a; color: {LINES[2]}; }}
tr.chance .verdict {{ background: #452327; color: {LINES[4]}; }}
table.sweeps tbody th {{ width: 9rem; }}
table.sweeps audio {{ height: 2rem; margin: 0; }}
details {{ margin: .6rem 0; }}
summary {{ cursor: pointer; color: {LINES[1]}; font-size: .9rem; }}
footer {{ margin-top: 3rem; color: {QUIET}; font-size: .8rem; }}
@media print {{ :root {{ color-scheme: light; }} body {{ background: #fff; color: #111; }} .wide {{ overflow: visible; }} }}
"""
