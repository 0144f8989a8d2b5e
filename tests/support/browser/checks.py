"""What must hold on every page, whatever it says (RGAA, WCAG 2.2, and the defects that axe does not see)."""

import re
from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request

from tests.support.paths import ROOT

TITLE = re.compile(r"((Erreur|Error) – )?\S.* – (Cerbère|PIAG)\Z")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MINIMUM_CONTRAST = 4.5
MAXIMUM_REQUESTS = 25
MAXIMUM_BYTES = 260_000
MAXIMUM_CSS_BYTES = 60_000
SIZES = {"1280": {"width": 1280, "height": 800}, "390": {"width": 390, "height": 844}}
NARROWEST = {"width": 320, "height": 800}
THEMES = {"clair": "light", "sombre": "dark"}
ARTIFACTS = ROOT / "artifacts"

STRUCTURE = """() => {
  const seen = element => element.getClientRects().length > 0;
  const words = element => element.textContent.trim();
  const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
  const named = ["for", "aria-describedby", "aria-labelledby", "aria-controls"].flatMap(
    name => [...document.querySelectorAll(`[${name}]`)].flatMap(element => element.getAttribute(name).split(" ")));
  return {
    title: document.title,
    lang: document.documentElement.lang,
    headings: [...document.querySelectorAll("h1")].filter(seen).map(words),
    repeatedIds: ids.filter((id, position) => ids.indexOf(id) !== position),
    missingIds: named.filter(id => !ids.includes(id)),
    overflow: document.documentElement.scrollWidth - innerWidth,
    clipped: [...document.querySelectorAll(".fr-btn, .fr-badge")].filter(seen)
      .filter(box => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight + 1).map(words),
  };
}"""

# WCAG 2.2, success criterion 1.4.12. A sheet made by script: the policy of the page allows no <style>.
TEXT_SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important } p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
}"""

SETTLED = """async () => {
  await document.fonts.ready;
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  await Promise.allSettled(document.getAnimations().map(animation => animation.finished));
}"""

# WCAG's contrast of the text of these elements with what is painted under it: every translucent layer, no image.
CONTRASTS = """selectors => {
  const parts = colour => {
    const found = colour.match(/^rgba?\\(([\\d.]+), ([\\d.]+), ([\\d.]+)(?:, ([\\d.]+))?\\)$/);
    if (!found) throw new Error(`cannot read the colour ${colour}`);
    return [+found[1], +found[2], +found[3], found[4] === undefined ? 1 : +found[4]];
  };
  const over = (top, below) => [0, 1, 2].map(n => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
  const background = element => {
    const below = element.parentElement ? background(element.parentElement) : [255, 255, 255, 1];
    return over(parts(getComputedStyle(element).backgroundColor), below);
  };
  const luminance = colour => [0.2126, 0.7152, 0.0722].reduce((sum, weight, n) => {
    const c = colour[n] / 255;
    return sum + weight * (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  }, 0);
  return selectors.map(selector => {
    const element = document.querySelector(selector);
    const under = background(element);
    const text = over(parts(getComputedStyle(element).color), under);
    const [dark, light] = [luminance(text), luminance(under)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  });
}"""


def check_structure(page: Page) -> None:
    """Check the page's structure, fast enough for every step of every journey."""
    found = page.evaluate(STRUCTURE)
    assert TITLE.match(found["title"]), found["title"]
    assert found["lang"] in {"fr", "en"}, found["lang"]
    assert len(found["headings"]) == 1, found["headings"]
    for fault in ("repeatedIds", "missingIds", "clipped"):
        assert not found[fault], (found["title"], fault, found[fault])
    assert found["overflow"] <= 0, f"{found['title']}: {found['overflow']} px too wide"


def check_thoroughly(page: Page, name: str) -> None:
    """Check everything, in each theme and size. The pictures go to artifacts/, for people to look at."""
    check_first_focus(page)
    for size, theme in variants(page):
        check_structure(page)
        check_axe(page)
        take_picture(page, f"{name}-{theme}-{size}")
    page.emulate_media(color_scheme="light", forced_colors="active")
    take_picture(page, f"{name}-contraste")
    page.emulate_media(forced_colors="none")
    check_reflow(page)


def variants(page: Page) -> Iterator[tuple[str, str]]:
    """Show the page in each size and theme, and yield their names; the last one stays."""
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        for theme, scheme in THEMES.items():
            page.emulate_media(color_scheme=scheme)
            page.wait_for_selector(f"html[data-fr-theme={scheme}]", state="attached")
            page.evaluate(SETTLED)
            yield size, theme


def check_first_focus(page: Page) -> None:
    """Check that the first Tab reaches the skip link, unless the page sets the focus itself."""
    first = ".fr-skiplinks a"
    if page.evaluate("document.activeElement === document.body"):
        page.keyboard.press("Tab")
        assert page.evaluate("first => document.activeElement.matches(first)", first), "the first Tab"
        page.evaluate("document.activeElement.blur()")
    candidates = "a[href], button, input:not([type=hidden]), select, textarea, [tabindex='0']"
    assert page.locator(candidates).first.evaluate("(element, first) => element.matches(first)", first), "tab order"


def check_axe(page: Page) -> None:
    results: dict[str, Any] = (
        Axe().run(page, options={"runOnly": AXE_TAGS, "resultTypes": ["violations", "incomplete"]}).response
    )
    broken = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in results["violations"]]
    assert not broken, broken
    for rule in results["incomplete"]:
        if rule["id"] == "color-contrast":
            check_contrasts(page, [node["target"][0] for node in rule["nodes"]])


def check_contrasts(page: Page, selectors: list[str]) -> None:
    """Check the contrast that axe cannot: text on elements with a background image."""
    ratios = page.evaluate(CONTRASTS, selectors)
    weak = [(selector, round(ratio, 2)) for selector, ratio in zip(selectors, ratios, strict=True)
            if ratio < MINIMUM_CONTRAST]  # fmt: skip
    assert not weak, weak


def check_reflow(page: Page) -> None:
    """Check that nothing scrolls sideways at 320 pixels (WCAG 1.4.10), nor with wide text spacing (1.4.12)."""
    page.set_viewport_size(NARROWEST)
    check_structure(page)
    page.evaluate(TEXT_SPACING)
    for viewport in (NARROWEST, *SIZES.values()):
        page.set_viewport_size(viewport)
        check_structure(page)


def take_picture(page: Page, name: str, full_page: bool = True) -> None:
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=full_page)


def check_budget(requests: list[Request]) -> None:
    """Check the number and the weight of a first visit's responses, headers included."""
    sizes = {request.url: request.sizes() for request in requests if not request.url.startswith("data:")}
    weights = {url: size["responseBodySize"] + size["responseHeadersSize"] for url, size in sizes.items()}
    css = sum(weight for url, weight in weights.items() if url.endswith(".css"))
    assert len(weights) <= MAXIMUM_REQUESTS, sorted(weights)
    assert sum(weights.values()) <= MAXIMUM_BYTES, weights
    assert css <= MAXIMUM_CSS_BYTES, css
