"""Texts that the author of a workflow wants rendered, and the rendering of nothing else.

In a body, data and the author's own texts are both plain Python values. Whatever was rendered without being
marked might be data: a key, a line of a file, an answer from the web, with a template inside.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any


class Template(str):
    """A text that is rendered before its node runs. Made by `template`."""

    __slots__ = ()


def template(text: str) -> str:
    """Mark a text in the body of a workflow as a Jinja template, for an argument of a classic operator.

    The planning task calls it; the node's task renders the text, or the file that it names, with the node's
    own context. All other arguments are data and are never rendered. Do not make the text of data: use
    a template for what Airflow knows, and plain arguments for what the workflow was given.

    Args:
        text: The template, as Airflow's operators take it.

    Raises:
        TypeError: It is not a text.

    Example:
        >>> BashOperator(
        ...     task_id="pack", bash_command=template("gzip $FILE > {{ ds }}.gz"), env={"FILE": name}
        ... )  # doctest: +SKIP
    """
    if not isinstance(text, str):
        raise TypeError(f"template() takes a text, not a {type(text).__name__}")
    return Template(text)


def marked(value: Any) -> Any:
    """Return a value of the Dag file with all its texts marked as templates."""
    if isinstance(value, str):
        return Template(value)
    if isinstance(value, Mapping):
        return {name: marked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return tuple(map(marked, value)) if type(value) is tuple else value


def render_marked(context: Any, operator: Any) -> None:
    """Render the marked texts in an operator, and those that its class has as defaults.

    In the node's task.

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
        # Airflow renders the text of a path in an object storage, which cannot be marked.
        return content if isinstance(content, ObjectStoragePath) else render_all(content, *args, **kwargs)

    # Airflow renders what is inside lists, dicts and objects by calling this method again. Private: an
    # operator watches what is set on it, and this is not an argument of it.
    object.__setattr__(operator, "render_template", render)
    try:
        operator.render_template_fields(context)
    finally:
        object.__delattr__(operator, "render_template")


def _default_texts(operator_class: type) -> list[str]:
    """Return the texts with templates that the constructors of a class and its bases have as defaults."""
    constructors = [vars(each)["__init__"] for each in operator_class.__mro__ if "__init__" in vars(each)]
    defaults = (
        parameter.default
        for constructor in constructors
        if inspect.isfunction(constructor)
        for parameter in inspect.signature(constructor).parameters.values()
    )
    return [text for text in defaults if isinstance(text, str) and "{" in text]
