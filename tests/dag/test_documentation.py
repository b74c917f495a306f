"""The code in README and docs runs, and the errors it shows are the errors there are."""

from __future__ import annotations

import configparser
import inspect
import pickle
import re
import shlex
import sys
import traceback
import types
from pathlib import Path

import pytest
from airflow.configuration import conf
from airflow.sdk import DAG

from airflow_dynamic_provider import DynamicOutputsError, errors, provider_info
from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError
from airflow_dynamic_provider.errors import KeysFailedError, LocalRunError
from airflow_dynamic_provider.local import run_local
from tests.dag.workflow_clears import execute
from tests.dag_runs import register, run_dag, start_run

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docker/*.md"))]
PAGES_WITH_CODE = (
    "batches.md",
    "coming-from-dagster.md",
    "coming-from-flyte.md",
    "concepts.md",
    "kept-results.md",
    "recipes.md",
    "testing.md",
    "types.md",
    "workflows.md",
)
BLOCKS = re.compile(r"^```(\w+)( raises)?\n(.*?)^```\n(?:\n```text\n(.*?)\n```\n)?", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *(ROOT / "docs" / name for name in PAGES_WITH_CODE)],
    ids=lambda page: page.name,
)
def test_code_runs(page, tmp_path, monkeypatch):
    (tmp_path / "a file").write_text("one\ntwo\n")
    # A module, as Airflow makes of a Dag file: classes are found in it.
    module = types.ModuleType("documentation")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    namespace, shown = vars(module), 0
    for number, (language, raises, code, error) in enumerate(
        BLOCKS.findall(page.read_text(encoding="utf-8"))
    ):
        if language != "python":
            continue
        shown += 1
        # Airflow reads the source of decorated functions, so the block has to be a file.
        file = tmp_path / f"block_{number}.py"
        file.write_text(code)
        if raises:
            with pytest.raises(DynamicOutputsError) as caught:
                exec(compile(code, file, "exec"), namespace)
            assert str(caught.value).removesuffix(f" ({caught.value.line})") == error
            assert caught.value.line.startswith(file.name)
            continue
        before = dict(namespace)
        exec(compile(code, file, "exec"), namespace)
        for name in namespace.keys() - before.keys():
            if name.startswith("test_"):
                namespace[name]()
            elif isinstance(made := namespace[name], DAG) or re.search(rf"^{name}\(\)$", code, re.MULTILINE):
                dag = made if isinstance(made, DAG) else made()
                conf = {"path": str(tmp_path)} if "path" in dag.params else None
                assert run(dag, conf).state == "success", f"{page.name}: {name}"
    assert shown


#: What starts another Python asks Airflow for more than a run in plain Python has.
ONLY_IN_AIRFLOW = {"elsewhere"}


def run(dag, conf):
    """Store a Dag as Airflow does. Run it in plain Python, which is faster, unless that refuses it."""
    register(dag)
    if dag.dag_id in ONLY_IN_AIRFLOW:
        return run_dag(dag, conf)
    try:
        return run_local(dag, conf=conf)
    except LocalRunError:
        return run_dag(dag, conf)


def test_commands_show_what_the_page_shows(tmp_path, capsys):
    blocks = BLOCKS.findall((ROOT / "docs" / "command-line.md").read_text(encoding="utf-8"))
    file, namespace = tmp_path / "arrivals.py", {"__name__": "documentation"}
    file.write_text(next(code for language, _, code, _ in blocks if language == "python"))
    exec(compile(file.read_text(), file, "exec"), namespace)
    files = dict(namespace["FILES"])
    namespace["FILES"].update({"b.csv": 80, "c.csv": 3})
    before = start_run(namespace["arrivals"]()).run()
    namespace["FILES"].clear()
    namespace["FILES"].update(files)
    run = start_run(namespace["arrivals"]()).run()
    ids = {"my_run": run.run_id, "yesterday": before.run_id}
    sessions = [code for language, _, code, _ in blocks if language == "console"]
    for session in sessions:
        typed, _, shown = session.partition("\n")
        words = shlex.split(typed.removeprefix("$ airflow dynamic-outputs "))
        capsys.readouterr()
        execute([ids.get(word, word) for word in words])
        written = "".join(capsys.readouterr())
        for name, run_id in ids.items():
            written = written.replace(run_id, name)
        assert _without_times(written) == _without_times(shown), typed
    assert len(sessions) == 7


def _without_times(text):
    """The words of each line; moments and seconds differ from run to run."""
    lines = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT", line) for line in text.splitlines()]
    return [re.sub(r"\b\d+\.\d{3}\b", "SECONDS", line).split() for line in lines]


def test_every_line_of_what_happens_when_names_a_test_that_there_is():
    rows = re.findall(
        r"^\|(?! when |---).*?(?: <!-- (\S+) -->)? \|$",
        (ROOT / "docs" / "what-happens-when.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) > 40
    for row in rows:
        file, _, name = row.partition("::")
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), row


def test_every_error_is_explained_where_its_traceback_says():
    page = ROOT / errors.EXPLAINED_IN
    explained = re.findall(r"^### (\w+)$", page.read_text("utf-8"), re.MULTILINE)
    classes = [found for found in vars(errors).values() if inspect.isclass(found)]
    ours = {found.__name__ for found in classes if issubclass(found, DynamicOutputsError)}
    assert sorted(explained) == sorted(ours - {"DynamicOutputsError"})
    # A class of another module is explained with the class that it refines.
    assert UnsupportedError("it").__notes__ == ["See docs/troubleshooting.md#definitionerror"]
    error = KeysFailedError("2 of 100 keys failed", task_id="load")
    shown = "".join(traceback.format_exception(error))
    note = "See docs/troubleshooting.md#keysfailederror\n"
    assert shown.endswith(note if sys.version_info >= (3, 11) else "keys failed\n")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert note.strip() not in str(error)


def test_the_page_of_examples_has_all_of_them():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import make_examples
    finally:
        sys.path.pop(0)
    written = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert written == make_examples.render(), "run: python docs/make_examples.py"


def test_the_reference_is_what_the_docstrings_say():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import make_reference
    finally:
        sys.path.pop(0)
    written = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert written == make_reference.render(), "run: python docs/make_reference.py"


def test_every_setting_is_one_of_airflow_or_of_the_package():
    sections = provider_info.get_provider_info()["config"]
    own = {(section, option) for section, found in sections.items() for option in found["options"]}
    settings = configparser.ConfigParser()
    for page in PAGES:
        for language, _, text, _ in BLOCKS.findall(page.read_text(encoding="utf-8")):
            settings.read_string(text if language == "ini" else "")
    named = [(section, option) for section in settings.sections() for option in settings[section]]
    assert ("workers", "min_heartbeat_interval") in named
    assert [each for each in named if not conf.has_option(*each) and each not in own] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_path_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    # In code, a call of what is picked from a dict looks like a link.
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", prose):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for target in re.findall(r"`((?:dags|docs|docker|tests)/[\w./-]+)`", text):
        assert (ROOT / target).exists(), f"{page.name} names {target}"
