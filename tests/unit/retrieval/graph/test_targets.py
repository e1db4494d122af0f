"""Links between documents: how they are written, and where they lead."""

import pytest

from tasks.retrieval.graph.targets import find_targets, resolve, target_names, without_targets

WRITTEN = [
    ("see [the mill](../old/mill.md#wheel) there", ["../old/mill.md"]),
    ('see [the mill](mill.md "Mill") there', ["mill.md"]),
    ("see [a](a.md), [a again](a.md) and [b](<b.md>)", ["a.md", "b.md"]),
    ("see [[Old Mill|the mill]] and [[Bridge#Toll]]", ["Old Mill", "Bridge"]),
    ("[mill]: mill.md\n", ["mill.md"]),
    ("see :doc:`the mill <old/mill>` and :doc:`bridge`", ["old/mill", "bridge"]),
    ("see `the mill <mill.html>`_", ["mill.html"]),
    ('see <a class="x" href="mill.html?x=1">it</a>', ["mill.html"]),
    ("[elsewhere](https://example.org/a.md) [mail](mailto:a@b.c) [here](#top) //x", []),
    ("![a picture](mill.png)", []),
    ("f[0](x)", ["x"]),
    ("no link", []),
]


@pytest.mark.parametrize(("text", "expected"), WRITTEN)
def test_links_within_the_domain_are_found_as_they_are_written(text: str, expected: list[str]) -> None:
    assert find_targets(text) == expected


def test_the_words_of_a_link_stay_in_the_sentence() -> None:
    assert without_targets("by [Orrin Vasque](orrin.md), then") == "by Orrin Vasque, then"


NAMES = target_names(["docs/old/mill.md", "docs/Old-Town.md", "docs/a b.txt"], {"docs/copy.md": "docs/old/mill.md"})
LEADS = [
    ("mill.md", "docs/old/bridge.md", "docs/old/mill.md"),
    ("../old/mill.md", "docs/new/bridge.md", "docs/old/mill.md"),
    ("/docs/old/mill.md", "x.md", "docs/old/mill.md"),
    ("old/mill", "docs/bridge.rst", "docs/old/mill.md"),
    ("mill.html", "docs/old/bridge.md", "docs/old/mill.md"),
    ("mill", "elsewhere/x.md", "docs/old/mill.md"),
    ("Old Town", "x.md", "docs/Old-Town.md"),
    ("a%20b.txt", "docs/x.md", "docs/a b.txt"),
    ("copy.md", "docs/x.md", "docs/old/mill.md"),
    ("bridge.md", "docs/old/x.md", None),
    ("../../../etc/passwd", "docs/x.md", None),
]


@pytest.mark.parametrize(("target", "source", "expected"), LEADS)
def test_a_link_leads_to_the_document_that_is_meant(target: str, source: str, expected: str | None) -> None:
    assert resolve(target, source, NAMES) == expected
