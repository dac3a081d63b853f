"""What mkdocs calls while it builds the site; named in `mkdocs.yml`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

from docs.scripts.generated import filled
from docs.scripts.repository import ROOT, for_the_site, in_site, indented, linked


def on_files(files: Files, config: Any) -> Files:
    """Add the files of the repository that the nav and pages name, and those that these name."""
    wanted = [path for path in in_nav(config.nav) if files.get_file_from_path(path) is None]
    pages = [file for file in files if file.is_documentation_page()]
    pages += [_add(files, config, path, InclusionLevel.INCLUDED) for path in wanted]
    for page in pages:  # grows while it is read
        for path in linked(filled(page.content_string), page.src_uri):
            if files.get_file_from_path(in_site(path)) is None:
                found = _add(files, config, path, InclusionLevel.NOT_IN_NAV)
                pages += [found] if found.is_documentation_page() else []
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Fill in what is generated, and turn links and lists into those of the site."""
    return indented(for_the_site(filled(markdown), page.file.src_uri))


def in_nav(nav: list[Any] | dict[str, Any] | str) -> Iterator[str]:
    """Paths of a nav, as `mkdocs.yml` has it."""
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from in_nav(each)


def _add(files: Files, config: Any, path: str, inclusion: InclusionLevel) -> File:
    found = File.generated(
        config, in_site(path), abs_src_path=str(ROOT / path), inclusion=inclusion
    )
    files.append(found)
    return found
