"""Marks the strings that a workflow's author wants rendered, and renders only these.

In a body, data and the author's own strings are both plain Python values. An unmarked string may be data: a
key, a line of a file, or a response from the web, with a template inside.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any


class Template(str):
    """A string that is rendered before its node runs. Made by `template`."""

    __slots__ = ()


def template(text: str) -> str:
    """Mark a string in the body of a workflow as a Jinja template, for an argument of a classic operator.

    Call it in the body, which runs in the planning task. The node's task renders the string, or the file that
    it names, with the node's own context. All other arguments are data and are never rendered. Do not build a
    template from data: use templates for values of Airflow, and plain arguments for values of the workflow.

    Args:
        text: The template, as Airflow's operators take it.

    Raises:
        TypeError: It is not a string.

    Example:
        >>> BashOperator(
        ...     task_id="pack", bash_command=template("gzip $FILE > {{ ds }}.gz"), env={"FILE": name}
        ... )  # doctest: +SKIP
    """
    if not isinstance(text, str):
        raise TypeError(f"template() takes a string, not an object of type {type(text).__name__}")
    return Template(text)


def marked(value: Any) -> Any:
    """Return a value of the Dag file with all its strings marked as templates."""
    if isinstance(value, str):
        return Template(value)
    if isinstance(value, Mapping):
        return {name: marked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return tuple(map(marked, value)) if type(value) is tuple else value


def render_marked(context: Any, operator: Any) -> None:
    """Render the marked strings in an operator, and those that are defaults of its class.

    Runs in the node's task.

    Args:
        context: Airflow's task context.
        operator: The operator.
    """
    from airflow.sdk import ObjectStoragePath

    render_all = operator.render_template
    own = _default_texts(type(operator))

    def render(content: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(content, str):
            is_template = isinstance(content, Template) or any(content is text for text in own)
            return render_all(str(content), *args, **kwargs) if is_template else content
        # Airflow would render the string of an `ObjectStoragePath`, which cannot be marked.
        return content if isinstance(content, ObjectStoragePath) else render_all(content, *args, **kwargs)

    # Airflow calls this method again for values inside lists, dicts and objects. It is set on the object
    # directly, because an operator treats the attributes that are set on it as arguments.
    object.__setattr__(operator, "render_template", render)
    try:
        operator.render_template_fields(context)
    finally:
        object.__delattr__(operator, "render_template")


def _default_texts(operator_class: type) -> list[str]:
    """Return the default arguments with templates of the constructors of a class and its bases."""
    constructors = [vars(each)["__init__"] for each in operator_class.__mro__ if "__init__" in vars(each)]
    defaults = (
        parameter.default
        for constructor in constructors
        if inspect.isfunction(constructor)
        for parameter in inspect.signature(constructor).parameters.values()
    )
    return [text for text in defaults if isinstance(text, str) and "{" in text]
