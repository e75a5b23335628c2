"""Check a built site: ``python docs/check_site.py build/site``. Needs no network and no Sphinx.

Every link and every picture inside the site leads somewhere, every picture says what it shows,
nothing is loaded from another server, every public name has a page, and the search index has it.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parent))


class Page(HTMLParser):
    """Links, anchors and faults of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.faults: list[str] = []
        self.images = 0
        self.feed(text)

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in pairs}
        for key in ("id", "name"):
            if key in attributes:
                self.anchors.add(attributes[key])
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        source = attributes.get("src") or (attributes.get("href", "") if tag == "link" else "")
        loaded = tag in ("img", "script", "iframe") or attributes.get("rel") in (
            "stylesheet", "preload", "icon",
        )  # fmt: skip
        if source and loaded:
            if urlsplit(source).scheme in ("http", "https") or source.startswith("//"):
                self.faults.append(f"loads {source} from elsewhere")
            elif not source.startswith("data:"):
                self.links.append(source)
        if tag == "img":
            self.images += 1
            if not attributes.get("alt", "").strip() and not is_beside_its_name(source):
                self.faults.append(f"a picture without an alternative text: {source}")
        unlabelled = not attributes.get("aria-label") and attributes.get("aria-hidden") != "true"
        if tag == "svg" and attributes.get("role") == "img" and unlabelled:
            self.faults.append("a drawing without a label")


def is_beside_its_name(source: str) -> bool:
    """Whether a picture adds nothing to the words of the same link: the logo, thumbnails."""
    return source.endswith(("/logo.svg", "_thumb.png"))


def read(site: Path) -> dict[Path, Page]:
    return {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }


def dead_links(site: Path, pages: dict[Path, Page]) -> list[str]:
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            where = f"{path.relative_to(site)}: {link}"
            if not target.exists():
                found.append(f"{where} leads nowhere")
            elif parts.fragment and target in pages and not parts.fragment.startswith(":~:"):
                if unquote(parts.fragment) not in pages[target].anchors:
                    found.append(f"{where} has no such anchor")
    return found


def missing_names(site: Path, pages: dict[Path, Page]) -> list[str]:
    """Public names without a page that describes them, or that a search does not find."""
    from _ext.public import public_names

    index = (site / "searchindex.js").read_text(encoding="utf-8")
    found = []
    for module, names in public_names().items():
        for name in names:
            page = pages.get(site / "reference" / f"{module}.{name}.html")
            if page is None or f"{module}.{name}" not in page.anchors:
                found.append(f"{module}.{name} has no page in the reference")
            if f"reference/{module}.{name}" not in index:
                found.append(f"{module}.{name} is not in the index of the search")
    return found


def main() -> int:
    site = Path(sys.argv[1]).resolve()
    pages = read(site)
    faults = [
        f"{path.relative_to(site)}: {fault}"
        for path, page in pages.items()
        for fault in page.faults
    ]
    faults += dead_links(site, pages) + missing_names(site, pages)
    for fault in dict.fromkeys(faults):
        print(fault)
    links = sum(len(page.links) for page in pages.values())
    images = sum(page.images for page in pages.values())
    print(f"{len(pages)} pages, {links} links, {images} pictures, {len(set(faults))} faults")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
