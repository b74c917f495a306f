"""Stands in for the server behind the page of a run: answers the page's requests from Python."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.routes.pages import POLICY

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route
    from pydantic import BaseModel

HOST = "http://pages.test"
BASE = "/team/a"
ROOT = f"{BASE}/dynamic-outputs"
PAGE = f"{HOST}{ROOT}/dags/shop/runs/run%2B1/page"
RUN = f"{ROOT}/dags/shop/runs/run%2B1"

_TYPES = {".js": "text/javascript", ".css": "text/css"}
_COLUMNS = [{"task_id": "group.price", "label": "price"}, {"task_id": "send", "label": "send"}]


def _past(number: int, state: str) -> dict[str, Any]:
    at = f"2026-01-0{number + 1}T00:00:00Z"
    run = {"dag_id": "shop", "run_id": f"run+{number - 1}", "state": state}
    run |= dict.fromkeys(("logical_date", "start_date", "end_date"), at)
    return {"run": run, "is_there": True, "state": state, "duration": 2.0 + number}


class RunServer:
    """A run with one key space.

    Attributes:
        states: Key -> the state of each of its two clones.
        stale: The keys at whose positions clones ran for others.
        is_running: Whether the run is not over.
        status: What is answered instead, if it is not 200; 0 for no answer.
        folded: The number of keys below each outer key; 0 if keys are not nested.
        requests: The number of requests so far, but those for files.
        asked: The queries for keys so far, the newest last.
        workflow: The graph of a workflow of the run; empty if it has none.
        estimate: How fast keys end and what is left, in words; ``None`` if it is not known.
        errors: The groups of failed keys.
        past: A key in the last runs.
        refusal: Why the viewer cannot clear task instances.
        changed: Whether other task instances run again than the viewer has confirmed.
        cleared: The bodies of the requests to clear task instances.
        slow: A key that took far longer than the others.
        past_keys: The keys whose last runs were asked for.
    """

    def __init__(self, static: Path) -> None:
        self.states: dict[str, str | None] = {}
        self.stale: set[str] = set()
        self.kept: dict[str, str] = {}
        self.is_running = True
        self.status = 200
        self.folded = 0
        self.requests = 0
        self.asked: list[dict[str, list[str]]] = []
        self.workflow: dict[str, Any] = {}
        self.estimate: dict[str, str] | None = None
        self.errors: list[dict[str, Any]] = []
        self.past = [_past(number, state) for number, state in enumerate(("success", "success", "failed"))]
        self.refusal: str | None = None
        self.changed = False
        self.cleared: list[dict[str, Any]] = []
        self.slow = ""
        self.past_keys: list[str] = []
        self._static = static

    def attach(self, page: Page) -> None:
        """Answer what this page asks for."""
        page.route(f"{HOST}/**", self._answer)

    def _answer(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        query = parse_qs(address.query)
        self.requests += "/static/" not in address.path
        if address.path.startswith(f"{ROOT}/static/"):
            path = self._static / address.path.removeprefix(f"{ROOT}/static/")
            route.fulfill(path=path, content_type=_TYPES[path.suffix])
        elif address.path.endswith("/page"):
            page = (self._static / "page.html").read_text().replace("{{ static }}", f"{ROOT}/static")
            page = page.replace("{{ preload }}", "")
            route.fulfill(body=page, content_type="text/html", headers={"Content-Security-Policy": POLICY})
        elif address.path == f"{RUN}/keys":
            self.asked.append(query)
            self._send(route, models.KeysPage(**self._keys(query)))
        elif address.path == f"{RUN}/clearing":
            wanted = models.ClearingRequest(**route.request.post_data_json)
            self._send(route, models.ClearingAnswer(**self._clearing(wanted)))
        elif address.path == f"{RUN}/clear":
            self._clear(route)
        elif address.path == f"{RUN}/keys-metadata":
            self._send(route, models.KeyMetadataPage(**self._metadata(query)))
        elif address.path == f"{RUN}/errors":
            self._send(route, models.ErrorGroups(groups=self.errors, more_groups=0, left_out=0))
        elif address.path == f"{RUN}/key-names":
            found = self._found(query)
            self._send(route, models.KeyNames(total=len(found), names=found))
        elif address.path == f"{RUN}/find-keys":
            names = route.request.post_data_json["names"]
            known = [[name] for name in names if name in self.states]
            missing = [name for name in names if name not in self.states]
            self._send(route, models.FoundKeys(keys=known, missing=missing))
        elif address.path == f"{ROOT}/dags/shop/key-history":
            self._send(route, models.KeyHistory(runs=self.past))
        elif address.path == f"{RUN}/comparison":
            self._send(route, models.Comparison(**self._comparison()))
        elif address.path.startswith(f"{BASE}/api/v2/"):
            self._answer_as_airflow(route, address.path)
        elif address.path == f"{RUN}/timeline":
            self._send(route, models.Timeline(**self._timeline(query)))
        elif address.path == f"{RUN}/past-durations":
            self.past_keys += query["key"]
            rows = [{"key_path": json.loads(key), "seconds": [2.0] * 3} for key in query["key"]]
            self._send(route, models.PastDurations(runs=[self._run()] * 3, rows=rows))
        elif address.path == f"{RUN}/numbers":
            self._send(route, models.RunNumbers(**self._numbers(query)))
        elif address.path == f"{RUN}/workflows/flow":
            self._send(route, models.WorkflowGraph(**self.workflow))
        elif address.path == f"{RUN}/outputs":
            self._send(route, models.RunOutputs(**self._outputs()))
        else:
            route.fulfill(status=404, body="")

    def _send(self, route: Route, answer: BaseModel) -> None:
        self._fulfill(route, answer.model_dump(mode="json"))

    def _fulfill(self, route: Route, answer: Any) -> None:
        if self.status == 0:
            route.abort()
        elif self.status == 200:
            route.fulfill(json=answer)
        else:
            route.fulfill(json={"detail": "No."}, status=self.status)

    def _outputs(self) -> dict[str, Any]:
        space = {
            "of": "items.result",
            "name": "items.result",
            "kind": "produced",
            "depth": 2 if self.folded else 1,
            "producer": "items",
            "output": "result",
            "description": None,
            "lister": "items",
            "columns": _COLUMNS,
            "progress": [{"task_id": each["task_id"], **self._progress()} for each in _COLUMNS],
            "has_stale": bool(self.stale),
            "keys": len(self.states),
            "counts": self._counts(),
            "producer_state": "success",
            "message": None,
        }
        flow = {
            "name": "flow",
            "is_mapped": False,
            "nodes": 1,
            "counts": {},
            "state": "success",
            "message": None,
        }
        return {
            "run": self._run(),
            "spaces": [space] if self.states else [],
            "workflows": [flow] if self.workflow else [],
        }

    def _progress(self) -> dict[str, Any]:
        estimate = dict.fromkeys(("rate", "left", "basis")) if self.estimate is None else self.estimate
        return {"counts": self._counts(), "summary": "3 of 120 done", **estimate}

    def _run(self) -> dict[str, Any]:
        state = "running" if self.is_running else "success"
        dates = dict.fromkeys(("logical_date", "start_date", "end_date"))
        return {"dag_id": "shop", "run_id": "run+1", "state": state, **dates}

    def _timeline(self, query: dict[str, list[str]]) -> dict[str, Any]:
        keys = self._found(query)
        rows = list(range(len(keys)))
        seconds = [30.0 if key == self.slow else 1.0 for key in keys]
        times = {"rows": rows, "map_indexes": rows, "states": ["success"] * len(keys), "seconds": seconds}
        tasks = [
            {**column, **times, "starts": [1_790_000_000.0 + at * 40 + row for row in rows]}
            for at, column in enumerate(_COLUMNS)
        ]
        return {"keys": [[key] for key in keys], "tasks": tasks, "is_running": False, "message": None}

    def _numbers(self, query: dict[str, list[str]]) -> dict[str, Any]:
        keys = self._found(query)
        numbers = [
            {
                "label": label,
                "task_id": task_id,
                "output": "result",
                "values": [*map(float, range(len(keys)))],
            }
            for label, task_id in (("size", "items"), ("cost", "send"))
        ]
        return {"keys": [[key] for key in keys], "numbers": numbers, "is_running": False, "message": None}

    def _counts(self) -> dict[str, int]:
        names = [state or "none" for state in self.states.values()]
        return {name: names.count(name) for name in names}

    def _keys(self, query: dict[str, list[str]]) -> dict[str, Any]:
        if self.folded:
            return self._nested(query)
        keys = self._found(query)
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        return self._page(query, [self._row(key) for key in keys[offset : offset + limit]], len(keys))

    def _found(self, query: dict[str, list[str]]) -> list[str]:
        search, wanted = query.get("search", [""])[0], query.get("state", [])
        pattern, group = query.get("match", ["*"])[0], query.get("error", [""])[0]
        of_group = [name for each in self.errors if each["group"] == group for name in each["names"]]
        return [
            key
            for key, state in self.states.items()
            if search in key and (not wanted or (state or "none") in wanted)
            if fnmatchcase(key, pattern) and (not group or key in of_group)
        ]

    def _comparison(self) -> dict[str, Any]:
        def group(*names: str) -> dict[str, Any]:
            keys = [{"key_path": [name], "key": name, "before": 2.0, "now": 9.5} for name in names]
            return {"total": len(keys), "keys": keys}

        names = {"new": (), "gone": ("key old",), "newly_failed": ("key 003",), "repaired": ()}
        return {
            "other": self.past[0]["run"],
            **{name: group(*each) for name, each in names.items()},
            "slower": group("key 007"),
        }

    def _answer_as_airflow(self, route: Route, path: str) -> None:
        if "/logs/" in path:
            lines = [{"event": f"line {number}", "level": "info"} for number in range(40)]
            lines += [{"event": "it broke", "level": "error", "timestamp": "2026-01-02T03:04:05Z"}]
            route.fulfill(body="\n".join(map(json.dumps, lines)), content_type="application/x-ndjson")
        else:
            route.fulfill(json={"try_number": 2})

    def _page(self, query: dict[str, list[str]], rows: list[dict[str, Any]], total: int) -> dict[str, Any]:
        return {
            "of": "items.result",
            "columns": _COLUMNS,
            "total": total,
            "offset": int(query["offset"][0]),
            "limit": int(query["limit"][0]),
            "counts": self._counts(),
            "is_running": self.is_running,
            "rows": rows,
            "message": None,
        }

    def _nested(self, query: dict[str, list[str]]) -> dict[str, Any]:
        keys = list(self.states)
        groups = [keys[start : start + self.folded] for start in range(0, len(keys), self.folded)]
        if "parent" in query:
            (outer,) = json.loads(query["parent"][0])
            below = groups[int(outer.removeprefix("outer "))]
            rows = [{**self._row(key), "key_path": [outer, key], "key": f"{outer}/{key}"} for key in below]
        else:
            rows = [self._folded(number, len(group)) for number, group in enumerate(groups)]
        return {**self._page(query, rows, len(rows)), "offset": 0}

    def _folded(self, number: int, children: int) -> dict[str, Any]:
        key = f"outer {number}"
        summary = {"state": "success", "duration": 5.0, "children": children, "counts": {"success": children}}
        return {"key_path": [key], "key": key, "position": None, "cells": {}, **summary}

    def _row(self, key: str) -> dict[str, Any]:
        position, state = list(self.states).index(key), self.states[key]
        cell = {
            "map_index": position,
            "state": state,
            "try_number": 1,
            "duration": 2.5,
            "start_date": None,
            "end_date": None,
            "is_stale": key in self.stale,
            "error": None,
            "reason": None,
            "from_run": self.kept.get(key),
        }
        return {
            "key_path": [key],
            "key": key,
            "metadatum": position * 1000,
            "state": state,
            "duration": 5.0,
            "children": None,
            "counts": {},
            "position": position,
            "cells": {column["task_id"]: {"task_id": column["task_id"], **cell} for column in _COLUMNS},
        }

    def _metadata(self, query: dict[str, list[str]]) -> dict[str, Any]:
        path = json.loads(query["key"][0])
        metadata = [{"label": "size", "kind": "int", "value": 12, "html": None, "is_cut": False}]
        return {"total": 1, "rows": [{"key_path": path, "key": path[0], "metadata": metadata}]}

    def _clearing(self, wanted: models.ClearingRequest) -> dict[str, Any]:
        if wanted.lister:
            # With all its task instances, a task is told by its id alone.
            instances = [{"task_id": "items", "map_index": -1, "label": "", "state": "success"}]
            return {**self._plan(["items"], instances), "warnings": []}
        keys = [path[0] for path in wanted.keys] or [
            key for key, state in self.states.items() if state == wanted.state
        ]
        instances = [
            {"task_id": "send", "map_index": list(self.states).index(key), "label": key, "state": "failed"}
            for key in keys
        ]
        return self._plan([["send", each["map_index"]] for each in instances], instances)

    def _plan(self, markers: list[Any], instances: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "task_ids": markers,
            "total": len(instances),
            "task_instances": instances[:200],
            "warnings": ["The report runs again."],
            "refusal": self.refusal,
        }

    def _clear(self, route: Route) -> None:
        wanted = models.ClearRequest(**route.request.post_data_json)
        self.cleared.append(wanted.model_dump(exclude_unset=True))
        if self.changed:
            route.fulfill(json={"detail": "Nothing was cleared."}, status=409)
        else:
            self._send(route, models.Cleared(total=wanted.confirmed))
