"""Signatures: similar texts meet, unlike ones hardly ever, and a kept file changes nothing but the time."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation.filters import minhash
from tasks.curation.filters.minhash import RECALL, band_hashes, bands_for, kept_band_hashes
from tasks.errors import HomeError

THRESHOLD = 0.9
fields = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=5), min_size=1)
some_texts = st.lists(fields.map(lambda parts: "".join(f"{part}\n" for part in parts)), min_size=1, max_size=5)


def words(seed: int, count: int = 60) -> list[str]:
    chance = random.Random(seed)
    return ["".join(chance.choices("abcdefghij", k=6)) for _ in range(count)]


def meets(a: str, b: str, threshold: float = THRESHOLD) -> bool:
    bands = band_hashes([f"{a}\n", f"{b}\n"], threshold)
    return bool((bands[0] == bands[1]).any())


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.9, 0.95, 1.0])
def test_bands_find_a_pair_at_the_threshold_with_the_promised_chance_and_no_longer_ones_would(threshold: float) -> None:
    def recall(bands: int, size: int) -> float:
        return float(1 - (1 - threshold**size) ** bands)

    bands, size = bands_for(threshold)
    assert bands * size <= minhash.PERMUTATIONS
    assert recall(bands, size) >= RECALL
    assert size == minhash.PERMUTATIONS or recall(minhash.PERMUTATIONS // (size + 1), size + 1) < RECALL


def test_texts_as_similar_as_the_threshold_meet() -> None:
    # One word of 180 replaced: of about 1,260 shingles each, 1,250 are shared.
    met = 0
    for seed in range(100):
        original = words(seed, 180)
        met += meets(" ".join(original), " ".join([*original[:90], "zzzzzz", *original[91:]]))
    assert met == 100


def test_unlike_texts_do_not_meet() -> None:
    assert not any(meets(" ".join(words(seed)), " ".join(words(seed + 1000))) for seed in range(100))


def test_the_order_of_words_matters_only_at_their_seams() -> None:
    text = words(0, 180)
    assert meets(" ".join(text), " ".join(text[90:] + text[:90]))


def test_equal_shingles_of_different_fields_are_different() -> None:
    a, b = " ".join(words(1)), " ".join(words(2))
    bands = band_hashes([f"{a}\n{b}\n", f"{b}\n{a}\n", f"{a}\n{b}\n"], THRESHOLD)
    assert not (bands[0] == bands[1]).any()
    assert (bands[0] == bands[2]).all()


@settings(max_examples=50)
@given(some_texts)
def test_a_text_has_the_same_bands_in_any_company_and_any_chunk(texts: list[str]) -> None:
    together = band_hashes(texts, THRESHOLD)
    assert together.shape == (len(texts), bands_for(THRESHOLD)[0])
    for text, bands in zip(texts, together, strict=True):
        assert (band_hashes([text], THRESHOLD)[0] == bands).all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minhash, "_CHUNK_CHARACTERS", 10)
        assert (band_hashes(texts, THRESHOLD) == together).all()


def test_signatures_never_change() -> None:
    # A snapshot built again, on another machine or with another version of a library, must be the same.
    found = band_hashes(["what is it?\nit is a list.\n", "返回列表的长度。\n"], THRESHOLD)
    assert found[:, :2].tolist() == [
        [2015872197602259216, 140383634256310768],
        [401810541445431247, 5954988482913581339],
    ]


def test_kept_signatures_are_those_computed_and_only_new_texts_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "curation" / "signatures.parquet"
    texts = [f"{' '.join(words(seed))}\n" for seed in range(6)]
    asked: list[list[str]] = []

    def recording(given_texts: list[str], threshold: float) -> "np.typing.NDArray[np.uint64]":
        asked.append(given_texts)
        return band_hashes(given_texts, threshold)

    monkeypatch.setattr(minhash, "band_hashes", recording)
    expected = band_hashes(texts, THRESHOLD)
    assert (kept_band_hashes(texts[:4], THRESHOLD, path) == expected[:4]).all()
    assert (
        kept_band_hashes([texts[5], *texts[:5], texts[4]], THRESHOLD, path) == expected[[5, 0, 1, 2, 3, 4, 4]]
    ).all()
    assert (kept_band_hashes(texts, THRESHOLD, path) == expected).all()
    assert asked == [texts[:4], [texts[5], texts[4]], []]


def test_the_file_forgets_texts_that_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "signatures.parquet"
    texts = [f"{' '.join(words(seed))}\n" for seed in range(4)]
    kept_band_hashes(texts, THRESHOLD, path)
    kept_band_hashes(texts[:3], THRESHOLD, path)
    assert len(pl.read_parquet(path)) == 3


def test_the_file_is_the_same_for_texts_in_any_order(tmp_path: Path) -> None:
    texts = [f"{' '.join(words(seed))}\n" for seed in range(4)]
    kept_band_hashes(texts, THRESHOLD, tmp_path / "a")
    kept_band_hashes(texts[::-1], THRESHOLD, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_signatures_of_another_threshold_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "signatures.parquet"
    texts = [f"{' '.join(words(seed))}\n" for seed in range(4)]
    kept_band_hashes(texts, 0.5, path)
    assert (kept_band_hashes(texts, THRESHOLD, path) == band_hashes(texts, THRESHOLD)).all()


def test_no_texts_have_no_signatures(tmp_path: Path) -> None:
    assert band_hashes([], THRESHOLD).shape == (0, bands_for(THRESHOLD)[0])
    assert kept_band_hashes([], THRESHOLD, tmp_path / "none").shape == (0, bands_for(THRESHOLD)[0])


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-20], lambda data: data[:7], lambda _: b"", lambda _: b"PAR1" * 99]
)
def test_a_damaged_file_is_made_anew_and_that_is_said(
    tmp_path: Path, damage: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path, texts = tmp_path / "signatures.parquet", [f"{' '.join(words(0))}\n", "other text\n"]
    kept_band_hashes(texts, THRESHOLD, path)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert (kept_band_hashes(texts, THRESHOLD, path) == band_hashes(texts, THRESHOLD)).all()
    said = capsys.readouterr().err
    assert said.startswith(f"{path} is damaged (") and said.endswith("): the signatures of all texts are made anew\n")
    assert path.read_bytes() == whole
    kept_band_hashes(texts, THRESHOLD, path)
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HomeError, match=r"file/signatures\.parquet"):
        kept_band_hashes(["some text\n"], THRESHOLD, tmp_path / "file" / "signatures.parquet")
