"""Every link of the documentation leads somewhere."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    return CODE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives to a page's headings."""
    headings = HEADING.findall(re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_what_is_there(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        target = urlsplit(link)
        if target.scheme:
            assert target.scheme == "https" and target.hostname, link
            continue
        path = (page.parent / unquote(target.path)).resolve() if target.path else page
        assert path.exists() and path.is_relative_to(ROOT), link
        if target.fragment:
            assert target.fragment in anchors(path), link


def test_every_page_is_linked_from_the_readme_or_from_another_page() -> None:
    linked = {
        (page.parent / urlsplit(link).path).resolve() for page in PAGES for link in LINK.findall(prose(page))
    }
    assert set(PAGES[1:]) <= linked
