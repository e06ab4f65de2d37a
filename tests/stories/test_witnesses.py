"""The mutations of bench/witnesses still say something: each finds its text, once, in the product as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.witnesses.mutations import MUTATIONS, Mutation
from bench.witnesses.trial import TREE, mutated


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_finds_its_text_exactly_once(mutation: Mutation) -> None:
    text = (TREE / mutation.file).read_text()
    assert mutated(text, mutation) != text


def test_the_tests_that_are_to_catch_a_mutation_exist() -> None:
    for mutation in MUTATIONS:
        for named in mutation.tests:
            file, _, test = named.partition("::")
            assert f"def {test.partition('[')[0]}" in Path(TREE, file).read_text(), named


def test_no_two_mutations_have_one_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 15
