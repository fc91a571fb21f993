from __future__ import annotations

import random

import pytest
import tensorflow as tf

from recsys.executor.fingerprint import fingerprint64

TEXTS = "abc xyz 0123 ÄÖ日本 \n\x00 🙂"


def test_it_is_tensorflows_hash_of_texts_of_every_length() -> None:
    drawn = random.Random(7)
    texts = ["".join(drawn.choices(TEXTS, k=length)) for length in range(300) for _ in range(4)]
    assert {len(text.encode()) for text in texts} >= set(range(20))
    buckets = 2**63 - 1
    expected = tf.strings.to_hash_bucket_fast(tf.constant(texts), buckets).numpy().tolist()
    assert [fingerprint64(text) % buckets for text in texts] == expected


@pytest.mark.parametrize(("text", "fingerprint"), [("", 0x9AE16A3B2F90404F)])
def test_of_an_empty_text(text: str, fingerprint: int) -> None:
    assert fingerprint64(text) == fingerprint
