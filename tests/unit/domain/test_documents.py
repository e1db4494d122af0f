import os
import sys
from pathlib import Path

import pytest

from tasks.domain.documents import read_documents
from tasks.errors import DomainError


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_documents_are_sorted_by_id_whatever_the_order_of_the_globs(tmp_path: Path) -> None:
    write(tmp_path, docs__b_md="b", docs__sub__a_txt="a", docs__B_rst="B", readme_md="r")
    documents, skipped, _ = read_documents(tmp_path, ["*.md", "docs/**/*", "docs/b.md"])
    assert [(document.id, document.text) for document in documents] == [
        ("docs/B.rst", "B"),
        ("docs/b.md", "b"),
        ("docs/sub/a.txt", "a"),
        ("readme.md", "r"),
    ]
    assert skipped == []


def test_a_document_outside_the_root_has_an_id_that_moves_with_the_folders(tmp_path: Path) -> None:
    write(tmp_path, shared__a_md="a")
    (tmp_path / "domain").mkdir()
    by_relative, *_ = read_documents(tmp_path / "domain", ["../shared/*.md"])
    by_absolute, *_ = read_documents(tmp_path / "domain", [str(tmp_path / "shared" / "*.md")])
    assert [document.id for document in by_relative] == ["../shared/a.md"]
    assert by_absolute == by_relative


def test_no_globs_give_no_documents(tmp_path: Path) -> None:
    assert read_documents(tmp_path, []) == ([], [], [])


def test_one_bad_document_never_stops_the_rest_and_each_is_named(tmp_path: Path) -> None:
    write(tmp_path, docs__good_md="good", docs__empty_md=" \n", docs__image_png="x", docs__page_html="<p>seen</p>")
    (tmp_path / "docs" / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "docs" / "zero.txt").write_bytes(b"\0")
    (tmp_path / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "docs" / "sub.md").mkdir()
    documents, skipped, _ = read_documents(tmp_path, ["docs/*"])
    assert [document.id for document in documents] == ["docs/good.md", "docs/page.html"]
    assert skipped[0].startswith("docs/broken.pdf was skipped: it is not a readable PDF (")
    assert skipped[1:] == [
        "docs/empty.md was skipped: it is empty; write its text, or remove the file.",
        "docs/image.png was skipped: its type (.png) is not one of .txt, .md, .rst, .html, .pdf; "
        "convert it, or narrow the glob.",
        "docs/latin.txt was skipped: it is not UTF-8 (byte 3); save it as UTF-8.",
        "docs/zero.txt was skipped: it is binary (NUL at byte 0); remove the file, or narrow the glob.",
    ]


def test_every_glob_that_matches_no_file_is_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, docs__a_md="a")
    with pytest.raises(DomainError) as caught:
        read_documents(tmp_path, ["doc/*.md", "docs/*.md", "docs", "", "docs/*.{md,txt}"])
    assert caught.value.problems == (
        f"documents: 'doc/*.md' matches no file in {tmp_path}; correct it, or add the files.",
        f"documents: 'docs' is a folder in {tmp_path}; name its files, for example 'docs/**/*.md'.",
        f"documents: '' matches no file in {tmp_path}; correct it, or add the files.",
        f"documents: 'docs/*.{{md,txt}}' matches no file in {tmp_path}; correct it, or add the files.",
    )


def test_a_file_name_that_looks_like_a_pattern_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "notes [draft].md").write_text("draft", encoding="utf-8")
    documents, *_ = read_documents(tmp_path, ["notes [draft].md"])
    assert [document.id for document in documents] == ["notes [draft].md"]


def test_hidden_files_are_taken_only_by_name(tmp_path: Path) -> None:
    write(tmp_path, docs__a_md="a")
    (tmp_path / "docs" / ".hidden.md").write_text("h", encoding="utf-8")
    assert [document.id for document in read_documents(tmp_path, ["**/*.md"])[0]] == ["docs/a.md"]
    assert [document.id for document in read_documents(tmp_path, ["docs/.*.md"])[0]] == ["docs/.hidden.md"]


def test_a_file_linked_twice_or_in_a_circle_is_one_document(tmp_path: Path) -> None:
    write(tmp_path, docs__a_md="a")
    (tmp_path / "docs" / "a-link.md").symlink_to(tmp_path / "docs" / "a.md")
    (tmp_path / "docs" / "again").symlink_to(tmp_path / "docs")
    assert [document.id for document in read_documents(tmp_path, ["docs/**/*.md"])[0]] == ["docs/a.md"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_file_name_that_is_not_utf8_is_skipped_with_a_printable_name(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("x", encoding="utf-8")
    documents, skipped, _ = read_documents(tmp_path, ["*.md"])
    assert documents == []
    assert skipped == ["caf\\udce9.md was skipped: its name is not UTF-8; rename it."]


def test_a_document_that_cannot_be_opened_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, a_md="a", b_md="b")
    read_bytes = Path.read_bytes

    def deny(path: Path) -> bytes:
        if path.name == "a.md":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", deny)
    documents, skipped, _ = read_documents(tmp_path, ["*.md"])
    assert [document.id for document in documents] == ["b.md"]
    assert skipped == ["a.md was skipped: it cannot be read (Permission denied); check its permissions."]


def test_metadata_are_where_a_document_lies_and_what_it_says_of_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        a_MD="---\ntitle: Named\nformat: odd\ntags: [x, y]\nsince: 2026-01-31\n---\n# Heading\n",
        docs__b_md="# First *one* #\n\n## Second\n",
        docs__sub__c_rst="Top\n===\n\nText.\n",
        docs__d_html="<title> The \n page </title><svg><title>drawn</title></svg><p>Text",
        docs__e_html="<p>Text",
        docs__f_txt="Top\n===\n",
    )
    documents, skipped, remarks = read_documents(tmp_path, ["**/*"])
    assert (skipped, remarks) == ([], [])
    assert {document.id: document.metadata for document in documents} == {
        "a.MD": {"title": "Named", "format": "md", "folder": "", "tags": ["x", "y"], "since": "2026-01-31"},
        "docs/b.md": {"title": "First *one*", "format": "md", "folder": "docs"},
        "docs/d.html": {"title": "The page", "format": "html", "folder": "docs"},
        "docs/e.html": {"format": "html", "folder": "docs"},
        "docs/f.txt": {"format": "txt", "folder": "docs"},
        "docs/sub/c.rst": {"title": "Top", "format": "rst", "folder": "docs/sub"},
    }
    assert documents[0].text == "# Heading\n"


def test_front_matter_that_cannot_be_read_is_said_and_left_as_text(tmp_path: Path) -> None:
    write(tmp_path, a_md="---\ntags: [\n---\nText.\n", b_md="Text.")
    documents, skipped, remarks = read_documents(tmp_path, ["*.md"])
    assert [document.text for document in documents] == ["---\ntags: [\n---\nText.\n", "Text."]
    assert documents[0].metadata == {"format": "md", "folder": ""}
    assert skipped == []
    assert remarks == ["a.md: its front matter is not YAML (line 3), so it was left as text; correct it, or remove it."]


def test_a_file_with_nothing_but_front_matter_is_empty(tmp_path: Path) -> None:
    write(tmp_path, a_md="---\ntitle: A\n---\n")
    assert read_documents(tmp_path, ["*.md"]) == (
        [],
        ["a.md was skipped: it is empty; write its text, or remove the file."],
        [],
    )
