"""A small built site for the tests of the printed book."""

from __future__ import annotations

from pathlib import Path

from tools.pdf import site

SIDEBAR = """
<nav class="bd-links"><ul><li><a class="internal" href="#">The book</a></li></ul>
<p class="caption"><span>First part</span></p>
<ul><li><a class="reference internal" href="chapters/01-one.html">1. One</a></li>
<li><a class="reference internal" href="chapters/02-two.html">2. Two</a></li></ul>
<p class="caption"><span>Reference</span></p>
<ul><li><a class="reference internal" href="chapters/glossary.html">Glossary</a></li>
<li><a class="reference internal" href="chapters/reference/index.html">The package</a></li>
<li><a class="reference internal" href="chapters/references.html">References</a></li>
<li><a class="reference internal" href="chapters/exercises-for-teachers.html">For them</a></li>
</ul></nav>
<a href="https://github.com/{account}/some-book">Repository</a>
<p class="component-author">By Somebody</p><p class="copyright">© 2026.</p>
<div class="extra_footer"><p>Text: <a href="https://license.org/by">BY</a>.</p></div>
"""
CHAPTER = """
<section id="title"><h1><span class="section-number">{n}. </span>{title}<a class="headerlink"
  href="#title">#</a></h1>
<p>See chapter <a class="reference internal" href="{other}.html"><span class="doc">Other</span></a>,
 <a class="internal" href="{other}.html#equation-e"><span>({m}.1)</span></a>, a
 <a class="internal" href="glossary.html#term-loss">loss</a> and the
 <a class="internal" href="reference/index.html">package</a>, source
 <span class="bibtex-citation">[<a href="references.html#id{n}">{n}</a>]</span>.</p>
<section id="first"><h2><span class="section-number">{n}.1. </span>First</h2>
<div class="bp-equation"><div class="math" id="equation-e"><span class="eqno">({n}.1)<a
  class="headerlink" href="#equation-e">#</a></span>\\[y = x\\]</div>
<p class="bp-checked"><a href="checks/chapter-01.html#check-e">checked</a></p></div>
<div class="cell tag_hide-input"><details class="admonition hide above-input"><summary>
  <p>Show code cell source</p></summary><div class="cell_input">draw_it()</div></details>
<div class="cell_output"><div class="bp-chart" style="--bp-controls: 1"><div
  class="bp-chart-static"><svg viewBox="0 0 9 9"><clipPath id="bp-1-0-clip"></clipPath><g
  clip-path="url(#bp-1-0-clip)"></g></svg></div><div class="bp-chart-live"></div><script
  type="application/json">{{}}</script></div></div></div>
<div class="exercise admonition" id="ex-{n}-1"><p class="admonition-title">Exercise {n}.1
  (Try)</p><section id="exercise-content"><p>Do it, as in <a class="internal"
  href="#equation-s">({n}.2)</a>.</p></section></div>
<div class="cell"><div class="cell_input">answer()</div>
<div class="cell_output"><pre>Exercise {n}.1, Try: not answered yet
</pre></div></div>
<div class="dropdown tip admonition"><p class="admonition-title">Hint 1</p><p>Early hint {n}.</p>
</div>
<div class="dropdown tip admonition"><p class="admonition-title">Hint 2</p><p>Late hint {n}.</p>
</div>
<div class="solution dropdown admonition" id="s-1"><p class="admonition-title">Solution to<a
  class="internal" href="#ex-{n}-1"> Exercise {n}.1</a></p><section id="solution-content">
<div class="math" id="equation-s"><span class="eqno">({n}.2)</span>\\[z\\]</div>
<p>Secret {n}.</p></section></div>
</section></section>
"""
PAGE = """<!DOCTYPE html><html><head><script>window.MathJax = {{"options": {{"a": 1}}}}</script>
</head><body>{sidebar}<article class="bd-article">{article}</article></body></html>"""


def write(folder: Path, name: str, article: str, account: str = site.PLACEHOLDER) -> None:
    file = folder / f"{name}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    sidebar = SIDEBAR.format(account=account)
    file.write_text(PAGE.format(sidebar=sidebar, article=article), encoding="utf-8")


def build(folder: Path) -> site.Site:
    """A site of seven small pages, in which ids repeat from chapter to chapter."""
    write(folder, "index", '<section id="title"><h1>The book</h1><h2>Inside</h2></section>')
    one = CHAPTER.format(n=1, m=2, title="One", other="02-two")
    two = CHAPTER.format(n=2, m=1, title="Two", other="01-one")
    write(folder, "chapters/01-one", one)
    write(folder, "chapters/02-two", two)
    glossary = (
        '<section id="title"><h1>Glossary</h1><dl><dt id="term-loss">loss</dt></dl></section>'
    )
    write(folder, "chapters/glossary", glossary)
    sources = (
        '<div class="citation" id="id1">Alpha.</div><div class="citation" id="id2">Beta.</div>'
    )
    write(folder, "chapters/references", f'<section id="t"><h1>References</h1>{sources}</section>')
    write(folder, "chapters/reference/index", "<h1>The package</h1>")
    write(folder, "chapters/exercises-for-teachers", '<section id="t"><h1>For them</h1></section>')
    return site.Site(folder)
