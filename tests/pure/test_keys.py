"""What is a mapping key, and what label a path of keys gets."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from airflow_dynamic_provider.definitions.keys import (
    MAX_KEY_LENGTH,
    MAX_LABEL_LENGTH,
    check_mapping_key,
    render_label,
)
from airflow_dynamic_provider.errors import InvalidMappingKeyError
from tests.pure.refusals import refused
from tests.pure.strategies import key_paths, long_paths, mapping_keys

pytestmark = pytest.mark.pure


@given(mapping_keys)
@example("x" * MAX_KEY_LENGTH)
@example("\N{GRINNING FACE}" * MAX_KEY_LENGTH)
def test_any_text_without_control_characters_is_taken_as_it_is(key):
    taken = check_mapping_key(key)
    assert taken == key
    assert type(taken) is str


@pytest.mark.parametrize(
    "key",
    [
        "orders.csv",
        "2024-01-01T00:00:00+00:00",
        "https://example.org/a?b=c&d=%20#e",
        "someone@example.org",
        "a b",
        " ",
        "..",
        "/",
        "None",
        "123",
        "{{ ds }}",
        "Ünïcode",
        "\N{ZERO WIDTH JOINER}",
        "\N{LINE SEPARATOR}",
    ],
)
def test_names_of_ordinary_things_are_keys(key):
    assert check_mapping_key(key) == key


@pytest.mark.parametrize("key", [7, None, b"a", ("a",)])
def test_what_is_not_text_is_refused(key):
    with refused(
        InvalidMappingKeyError,
        f"a mapping key must be a str, received {key!r} ({type(key).__name__}). Convert it with str(...).",
    ):
        check_mapping_key(key)


def test_the_empty_text_is_refused():
    with refused(
        InvalidMappingKeyError, "a mapping key must not be empty, received ''. Give each output a key"
    ):
        check_mapping_key("")


@given(st.integers(MAX_KEY_LENGTH + 1, 100_000))
def test_a_longer_key_is_refused_and_shown_in_part(length):
    with refused(
        InvalidMappingKeyError,
        f"a mapping key has at most 250 characters, received {length}: '{'x' * 40}'.... Keys are never cut",
    ) as caught:
        check_mapping_key("x" * length)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("bad", ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9f", "\udfff"])
def test_control_characters_and_lone_surrogates_are_refused_and_named(bad):
    key = f"a{bad}b"
    with refused(
        InvalidMappingKeyError,
        f"must not contain control characters, received {key!r} with {bad!r}. Characters are never replaced",
    ):
        check_mapping_key(key)


@given(mapping_keys, st.characters(categories=("Cc", "Cs")), st.integers(0, MAX_KEY_LENGTH))
def test_one_control_character_anywhere_is_enough(key, bad, place):
    assume(len(key) < MAX_KEY_LENGTH)
    with pytest.raises(InvalidMappingKeyError, match="must not contain control characters"):
        check_mapping_key(key[:place] + bad + key[place:])


@given(st.text())
def test_the_rule_is_length_and_category_and_nothing_else(text):
    is_key = 0 < len(text) <= 250 and not any(unicodedata.category(char) in {"Cc", "Cs"} for char in text)
    if is_key:
        assert check_mapping_key(text) == text
    else:
        with pytest.raises(InvalidMappingKeyError):
            check_mapping_key(text)


class LoudText(str):
    """Text that shows and compares itself as something else."""

    def __str__(self):
        return "something else"

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


def test_a_subclass_of_str_becomes_the_plain_text_it_holds():
    taken = check_mapping_key(LoudText("a"))
    assert type(taken) is str
    assert (taken == "a", taken == "b", str(taken)) == (True, False, "a")


@given(mapping_keys)
@example("x" * MAX_KEY_LENGTH)
def test_the_label_of_one_key_is_the_key(key):
    assert render_label((key,)) == key


@given(key_paths)
@example(("x" * 100, "y" * 149))
def test_a_label_that_fits_is_the_path_with_slashes(path):
    joined = "/".join(path)
    assume(len(joined) <= MAX_LABEL_LENGTH)
    assert render_label(path) == joined


@given(key_paths | long_paths)
@example(("x" * 249, "y"))
@example(("x" * 250, "y" * 250, "z" * 250))
def test_no_label_is_longer_than_the_column_of_airflow(path):
    assert len(render_label(path)) <= MAX_LABEL_LENGTH == 250


@given(long_paths)
@example(("x" * 249, "y"))
def test_a_cut_label_keeps_its_front_and_ends_in_a_hash(path):
    joined = "/".join(path)
    label = render_label(path)
    assert len(label) == MAX_LABEL_LENGTH
    assert label[:241] == joined[:241]
    assert re.fullmatch(r"~[0-9a-f]{8}", label[241:])


def test_the_cut_label_of_a_path_is_the_same_on_every_machine():
    assert render_label(("x" * 250, "y")) == "x" * 241 + "~467b9f1a"


@given(st.text("x", min_size=241, max_size=250), mapping_keys, mapping_keys)
def test_long_paths_that_share_their_front_keep_different_labels(front, one, other):
    assume(one != other)
    assume(len(front) + 1 + min(len(one), len(other)) > MAX_LABEL_LENGTH)
    assert render_label((front, one)) != render_label((front, other))


@given(mapping_keys, mapping_keys, st.text("z", min_size=250, max_size=250))
def test_long_paths_divided_elsewhere_keep_different_labels(one, other, long):
    assume(len(one) + len(other) < MAX_KEY_LENGTH)
    assert render_label((f"{one}/{other}", long)) != render_label((one, f"{other}/{long}"))
