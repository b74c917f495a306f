"""Run many small keys in few task instances. Each key keeps its own state and value.

Run it by itself: ``python dags/batches.py``.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput

CARDS = [f"card_{number:03}" for number in range(300)]

#: Cards whose number has a wrong last digit.
WRONG = CARDS[7::50]


def sum_digits(text: str) -> int:
    """Return the sum of the digits in a text."""
    return sum(int(character) for character in text if character.isdigit())


def number_of(card: str) -> str:
    """Return the number of a card. Its last digit is the last digit of the sum of the others."""
    last = sum_digits(card) + (card in WRONG)
    return f"{card[-3:]}{last % 10}"


@task.dynamic(out=DynamicOut(str))
def cards():
    """Produce one output per card."""
    for card in CARDS:
        yield DynamicOutput(number_of(card), mapping_key=card)


@task
def check(number: str) -> int:
    """Check one card. It runs for 300 cards, in three task instances."""
    total = sum_digits(number[:-1])
    if total % 10 != int(number[-1]):
        raise ValueError(f"{number} has a wrong last digit")
    return total


@task
def rate(total: int) -> str:
    """Rate one card. A card that failed its check is not rated, and the other cards of its batch are."""
    return "high" if total > 13 else "low"


@task(multiple_outputs=False)
def report(ratings: dict[str, str], states: dict[str, str]) -> dict[str, Any]:
    """Combine the results of all cards. A collector does not see that they ran in batches."""
    return {
        "high": list(ratings.values()).count("high"),
        "low": list(ratings.values()).count("low"),
        "wrong": [name for name, state in states.items() if state == "failed"],
    }


@dag(schedule=None, tags=["dynamic outputs"])
def batches():
    """Check and rate many cards, up to 100 in one task instance."""
    checked = cards().map(check, batch=100)
    ratings = checked.map(rate, batch=100)
    report(ratings.collect(keyed=True, min_success_ratio=0.9), checked.states())


def expected() -> dict[str, Any]:
    """Return what ``report`` must return, computed in plain Python."""
    totals = [sum_digits(card) for card in CARDS if card not in WRONG]
    return {
        "high": sum(total > 13 for total in totals),
        "low": sum(total <= 13 for total in totals),
        "wrong": WRONG,
    }


the_dag = batches()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
