"""Stamps of values, which distinguish a value that was computed again from the one before."""

from __future__ import annotations

import pytest
from airflow.sdk.bases.xcom import BaseXCom

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.errors import UnstorableOutputError
from airflow_dynamic_provider.workflows.tasks.values import stamp_of


class Handle:
    """A value that only a custom XCom backend can store."""


@pytest.fixture
def custom_backend(mocker):
    class Backend(BaseXCom):
        @staticmethod
        def serialize_value(value, **_):
            return repr(value)

    mocker.patch("airflow.sdk.execution_time.xcom.XCom", Backend)


def test_values_that_are_stored_alike_have_one_stamp():
    assert stamp_of({"a": 1, "b": [2]}) == stamp_of({"b": [2], "a": 1})
    assert stamp_of(1) != stamp_of("1")


def test_a_value_that_only_a_custom_backend_carries_has_a_stamp_of_its_own(custom_backend):
    handle = Handle()
    xcom.check_storable(handle)
    assert stamp_of(handle) != stamp_of(handle)
    assert stamp_of([1]) == stamp_of([1])


def test_what_airflows_own_backend_cannot_carry_is_refused():
    with pytest.raises(UnstorableOutputError, match="XCom cannot carry a value of type Handle"):
        xcom.check_storable(Handle())
    with pytest.raises(UnstorableOutputError, match="XCom cannot carry a value of type Handle"):
        xcom.serialize(Handle())
