"""The operators of Python that need a value, with the words for messages of promises, items and handles."""

from __future__ import annotations


def _operators() -> dict[str, tuple[str, bool]]:
    compared = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
    # fmt: off
    binary = {
        "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
        "matmul": "@", "and": "&", "or": "|", "xor": "^", "divmod": "divmod",
    }
    unary = {
        "neg": "calculated with: -", "pos": "calculated with: +", "invert": "calculated with: ~",
        "abs": "calculated with: abs", "round": "rounded", "trunc": "rounded", "floor": "rounded",
        "ceil": "rounded", "int": "made an int", "float": "made a float", "complex": "made a complex",
        "index": "used as an index or a count", "bytes": "made bytes", "reversed": "iterated in reverse",
    }
    # fmt: on
    found = {f"__{name}__": (f"compared with {sign}", True) for name, sign in compared.items()}
    for name, sign in binary.items():
        # `p += 1` and similar statements fall back to the first form.
        for prefix in ("", "r"):
            found[f"__{prefix}{name}__"] = (f"calculated with: {sign}", False)
    return found | {f"__{name}__": (tried, False) for name, tried in unary.items()}


#: Special method -> the words for the attempt, and whether code usually makes a decision with the result.
VALUE_OPERATORS = _operators()
