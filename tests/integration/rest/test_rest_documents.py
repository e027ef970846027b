"""The commands that the documents print are true, and the page for people is there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.integration.main_job.house import until
from tests.integration.rest.client import V0, Rest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["README.md", "docs/rest.md"])
def test_the_curl_lines_of_a_page(rest: Rest, page: str) -> None:
    text = (ROOT / page).read_text().replace("\\\n", " ")
    lines = re.findall(r"^curl .*$", text, flags=re.MULTILINE)
    assert len(lines) >= 2
    for line in lines:
        words = shlex.split(line.replace("http://localhost:8080", rest.url))
        done = subprocess.run([*words, "-sS", "--fail-with-body"], cwd=ROOT, capture_output=True, text=True, timeout=40)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    until(lambda: rest.get(f"{V0}/deployments/cirros-1").status == 404, "it is gone")


def test_the_page_for_people_has_a_style_of_its_own(rest: Rest) -> None:
    page, style = rest.get("/docs"), rest.get("/docs.css")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert '<link rel="stylesheet" href="/docs.css">' in page.text
    assert style.headers["Content-Type"].startswith("text/css")
    assert rest.get("/openapi.json").json["info"]["title"] == "ESCManager"
