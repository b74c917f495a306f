"""What a package index shows of the package: no link and no picture of it may lead nowhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
URL = "https://code.example.com/owner/name"


@pytest.fixture(scope="module")
def built():
    """Return a function that returns the metadata of a package that is built with an address."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def build(url):
        metadata = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PROJECT_URL", url)
            module.DescriptionHook(str(ROOT), {}).update(metadata)
        return metadata

    return build


def test_with_an_address_all_links_lead_to_files_of_the_project(built):
    metadata = built(f"{URL}/")
    links = re.findall(r"\]\(([^)]*)\)", metadata["readme"]["text"])
    assert f"{URL}/raw/main/docs/images/clones.png" in links
    assert f"{URL}/blob/main/docs/install.md" in links
    for link in [*links, *metadata["urls"].values()]:
        kept = link.removeprefix(URL).removeprefix("/raw/main/").removeprefix("/blob/main/")
        assert (ROOT / kept.partition("#")[0]).exists() or link == URL, link


def test_without_an_address_there_are_no_links_and_no_pictures_but_the_whole_text(built):
    metadata = built("")
    text = metadata["readme"]["text"]
    assert "urls" not in metadata
    assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if not link.startswith("http")] == []
    assert "- Install: pip, images, Kubernetes" in text
    assert text.count("```") == (ROOT / "README.md").read_text().count("```")
