"""Texts from outside that read like a template, or like the name of a template file: data on every path."""

from __future__ import annotations

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import BaseOperator, ObjectStoragePath, dag, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    add_output_metadata,
    dynamic_workflow,
    map_task,
    template,
)
from tests.workflow_runs import run_workflows

SUM = "{{ 7*7 }}"
FILE = "run.sh"
TEXTS = [SUM, FILE]


class Inner:
    template_fields = ("text",)

    def __init__(self, text):
        self.text = text


class Keep(BaseOperator):
    """Returns its arguments, one of which it keeps under another name."""

    template_fields = ("command", "texts", "renamed", "about", "folder", "inner")
    template_ext = (".sh",)

    def __init__(self, *, command, texts=(), alias=None, about="{{ task.task_id }}", folder=None, **kwargs):
        super().__init__(**kwargs)
        self.command = command
        self.texts = texts
        self.renamed = alias
        self.about = about
        self.folder = folder
        self.inner = Inner(command)

    def execute(self, context):
        return [self.command, self.texts, self.renamed, self.about, str(self.folder), self.inner.text]


class KeepInMap(Keep):
    """The same without the object, which all clones that run in one process would share."""

    template_fields = ("command", "texts")

    def execute(self, context):
        return [self.command, self.texts]


@task
def same(text):
    return text


@task.dynamic(out=DynamicOut(str, metadata=dict.fromkeys(TEXTS, SUM)))
def texts():
    for text in TEXTS:
        yield DynamicOutput(text, mapping_key=text, metadata={text: text})


@task
def note(text, mapping_key=None):
    add_output_metadata({text: text})
    return [text, mapping_key]


@task
def keep(value):
    return value


@dynamic_workflow
def passed_on(words):
    """Everything that a body may do with a text that it was given."""
    kept = [
        Keep(
            task_id=f"keep{number}",
            command=word,
            texts={"deep": [word, (word,)], word: word},
            alias=word,
            folder=ObjectStoragePath(f"file:///{word}"),
        ).output
        for number, word in enumerate(words)
    ]
    promised = [same(word) for word in words]
    echoes = [
        BashOperator(task_id=f"echo{number}", bash_command="echo $WORD", env={"WORD": word}).output
        for number, word in enumerate(words)
    ]
    return [kept, promised, echoes, map_task(same)(words)]


@dynamic_workflow
def marked(words):
    """Templates of the author's, and nodes that are named by texts."""
    for word in words:
        same.override(task_id=word)(1)
    made = Keep(task_id="made", command=template("{{ 6*7 }}"), texts=[template("{{ 1 + 1 }}"), words[0]])
    return made.output


@dag(schedule=None, default_args={"folder": "{{ 5*5 }}"})
def untrusted():
    found = texts()
    noted = found.map(note)
    keep(noted.collect(keyed=True))
    found.map(lambda text: KeepInMap(task_id="mapped", command=text, texts=[text]))
    passed_on(found.collect())
    marked(found.collect())


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    return run_workflows(untrusted())


def test_the_run_succeeds(run):
    assert run.state == "success"


def test_keys_labels_and_metadata_are_as_they_were_written(run):
    assert list(run.states("note")) == TEXTS
    assert run.xcom("keep") == {text: [text, text] for text in TEXTS}
    for index, text in enumerate(TEXTS):
        (said,) = run.xcom("note", "output_metadata", index)["outputs"].values()
        assert said == {text: {"type": "text", "value": text}}


def test_the_arguments_of_a_mapped_operator_are_data(run):
    assert list(run.xcoms("mapped").values()) == [[text, [text]] for text in TEXTS]


def test_what_a_body_was_given_is_data_in_every_argument(run):
    kept, promised, echoes, mapped = run.result("passed_on")
    for text, (command, deep, renamed, about, folder, inner) in zip(TEXTS, kept, strict=True):
        assert (command, renamed, inner) == (text, text, text)
        assert deep == {"deep": [text, (text,)], text: text}
        assert folder == f"file:///{text}"
        # What the operator's class has as a default is the class's own.
        assert about == "passed_on.Keep"
    assert (promised, echoes, mapped) == (TEXTS, TEXTS, TEXTS)


def test_a_template_is_rendered_that_the_author_marks(run):
    command, rendered, _, _, folder, _ = run.result("marked")
    assert (command, rendered) == ("42", ["2", SUM])
    assert folder == "25"


def test_names_of_nodes_are_as_they_were_written(run):
    assert set(run.node_states("marked")) == {*TEXTS, "made"}


def test_a_template_is_a_text():
    with pytest.raises(TypeError, match="takes a string, not an object of type int"):
        template(1)
