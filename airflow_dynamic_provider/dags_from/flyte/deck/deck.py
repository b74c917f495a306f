"""The names of ``flytekit.deck.deck``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.decks import Deck

__all__ = ["Deck"]
