"""The site out of this repository's pages; mkdocs.yml names this file as its hook.

The pages are written to be read in the repository, so their links lead to its files. On the site
README.md is the front page, a notebook is a page with the outputs that it was committed with, and a
link to a source file leads to a page that shows it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[1]
# Pages that lie outside of docs/, by their place on the site.
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "js/README.md": "npm.md",
}
LINK = re.compile(r"(?<=\]\()([^()\s#:]+)(?=[)#])")
FRONT = "---\nhide: [navigation]\n---\n"  # which has no other pages, and whose lines are long
WORDS = {".c": "c", ".h": "c", ".pyx": "cython", ".toml": "toml", ".py": "python"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Puts every page, and every file that one of them leads to, at its place on the site."""
    waiting = [*OUTSIDE, *(f"docs/{file.src_uri}" for file in files if is_page(file.src_uri))]
    done = set[str]()
    while waiting:
        path = waiting.pop()
        done.add(path)
        text, pictures = page(path)
        waiting += {to for to in targets(path, text) if place(to).endswith(".md")} - done
        if path.endswith((".md", ".ipynb")):
            text = LINK.sub(lambda match, path=path: moved(path, match[1]), text)
        if place(path) == "index.md":
            text = FRONT + text
        for name, content in {PurePosixPath(place(path)).name: text, **pictures}.items():
            at = (PurePosixPath(place(path)).parent / name).as_posix()
            if old := files.get_file_from_path(at):
                files.remove(old)
            files.append(File.generated(config, at, content=content))
    return files


def is_page(path: str) -> bool:
    return path.endswith((".md", ".ipynb"))


def place(path: str) -> str:
    """Where a file of the repository is on the site: as a page, but for what docs/ holds else."""
    if path in OUTSIDE:
        return OUTSIDE[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/").replace(".ipynb", ".md")
    return f"source/{path}" + ".md" * (not is_page(path))


def page(path: str) -> tuple[str, dict[str, bytes]]:
    """A file as Markdown, and the pictures that come with it."""
    if path.endswith(".ipynb"):
        text, held = MarkdownExporter().from_filename(str(ROOT / path))
        return text, held["outputs"]
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text, {}
    word = WORDS.get(PurePosixPath(path).suffix, "text")
    return f"# {path}\n\n````{word}\n{text}\n````\n", {}


def targets(path: str, text: str) -> Iterator[str]:
    """The files of the repository that a page leads to."""
    if is_page(path):
        yield from filter(None, (target(path, link) for link in LINK.findall(text)))


def target(path: str, link: str) -> str | None:
    """The file that a relative link leads to, or None for one that is broken."""
    at = Path(os.path.normpath(ROOT / PurePosixPath(path).parent / link))
    return at.relative_to(ROOT).as_posix() if at.is_file() else None


def moved(path: str, link: str) -> str:
    """A relative link of a page as it is on the site; one that is broken stays, and is told."""
    to = target(path, link)
    return link if to is None else os.path.relpath(place(to), PurePosixPath(place(path)).parent)
