"""Pages in a browser: no error, no request, and the colors of the scheme. Slow: it starts one."""

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

import fastinit
from fastinit.plots.report import Report
from helpers.processes import TIMEOUT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a folder, and the paths that are asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}", asked
        found.shutdown()


def opened(address: str, folder: Path, scheme: int) -> tuple[np.ndarray, str]:
    """The picture of a page, and what the browser's console says."""
    picture = folder / f"{scheme}.png"
    done = subprocess.run(
        [
            *(str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu"),
            *("--enable-logging=stderr", "--hide-scrollbars", "--window-size=1000,1200"),
            f"--user-data-dir={folder / 'profile'}",
            f"--blink-settings=preferredColorScheme={scheme}",
            *(f"--screenshot={picture}", address),
        ],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return image.imread(picture), "\n".join(said)


def test_console_is_heard(server: tuple[str, list[str]], tmp_path: Path) -> None:
    """A page with an error and a request has both."""
    (tmp_path / "wrong.html").write_text('<script>console.error("x")</script><img src="y.png">')
    _, said = opened(f"{server[0]}/wrong.html", tmp_path, 0)
    assert "CONSOLE" in said
    assert "/y.png" in server[1]


REPORTS: dict[str, Callable[[], Report]] = {
    "propagation": lambda: fastinit.propagate(["relu", "tanh"], ["torch"], depth=12, width=32),
    "description": lambda: fastinit.describe("orthogonal", (32, 32)),
    "advice": lambda: fastinit.recommend("relu", "cnn"),
    "recipe": lambda: fastinit.recommend_recipe(fastinit.Manifest.load("gpt2")),
}


@pytest.mark.parametrize("kind", REPORTS)
@pytest.mark.parametrize(("scheme", "is_dark"), [(0, True), (1, False)])
def test_page(
    server: tuple[str, list[str]], tmp_path: Path, kind: str, scheme: int, is_dark: bool
) -> None:
    REPORTS[kind]().html(tmp_path / "report.html")
    picture, said = opened(f"{server[0]}/report.html", tmp_path, scheme)
    assert said == ""
    assert server[1] == ["/report.html"]
    assert (picture[..., :3].mean() < 0.3) == is_dark
    assert picture[..., :3].std() > 0.05  # there is something on it
