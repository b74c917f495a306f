"""Hypothesis strategies for the package's plain values."""

from __future__ import annotations

from datetime import timezone
from pathlib import PurePosixPath

from hypothesis import strategies as st

from airflow_dynamic_provider import MetadataValue
from airflow_dynamic_provider.definitions.keys import MAX_KEY_LENGTH, check_output_name
from airflow_dynamic_provider.errors import DeclarationError

mapping_keys = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=MAX_KEY_LENGTH)
key_paths = st.lists(mapping_keys, min_size=1, max_size=4).map(tuple)

#: Paths too long for a label.
long_paths = key_paths.map(lambda path: ("outer" * 50, *path))


def is_output_name(name):
    try:
        check_output_name(name)
    except DeclarationError:
        return False
    return True


#: Names, including those with a meaning in XCom.
identifiers = st.from_regex(r"[^\W\d_]\w{0,8}", fullmatch=True) | st.sampled_from(
    ["all", "keys", "dynamic_output", "output_metadata", "produced_outputs", "result", "return_value"]
)
output_names = identifiers.filter(is_output_name)

storable_text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
whole_numbers = st.integers(-(2**63), 2**64 - 1)
scalars = st.none() | st.booleans() | whole_numbers | st.floats() | storable_text


def nested(leaves):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(storable_text, inner, max_size=4),
        max_leaves=8,
    )


#: Values of metadata of the kind ``json``, including NaN and infinities.
json_values = nested(scalars)

#: Values that XCom carries unchanged.
xcom_values = nested(scalars.filter(lambda value: not isinstance(value, float) or abs(value) < 1e300))

rows = st.lists(st.dictionaries(storable_text, scalars, max_size=3), max_size=3)

#: A strategy for each kind of metadata.
metadata_of_kind = {
    "text": storable_text.map(MetadataValue.text),
    "url": storable_text.map(lambda text: MetadataValue.url(f"https://example.org/{text}")),
    "path": storable_text.map(MetadataValue.path) | st.just(MetadataValue.path(PurePosixPath("/a/b"))),
    "notebook": storable_text.map(MetadataValue.notebook),
    "json": json_values.map(MetadataValue.json),
    "md": storable_text.map(MetadataValue.md),
    "int": whole_numbers.map(MetadataValue.int),
    "float": st.floats().map(MetadataValue.float),
    "bool": st.booleans().map(MetadataValue.bool),
    "timestamp": st.datetimes(timezones=st.just(timezone.utc)).map(MetadataValue.timestamp),
    "table": rows.map(MetadataValue.table),
    "image": st.binary().map(lambda data: MetadataValue.image(b"\xff\xd8\xff" + data, alt="a picture")),
    "asset": storable_text.filter(bool).map(MetadataValue.asset),
    "dag_run": st.builds(MetadataValue.dag_run, storable_text, storable_text),
    "python_artifact": st.sampled_from([len, dict, PurePosixPath]).map(MetadataValue.python_artifact),
    "null": st.just(MetadataValue.null()),
}
metadata_values = st.one_of(*metadata_of_kind.values())
labelled = st.dictionaries(storable_text.filter(bool), metadata_values, max_size=3)
