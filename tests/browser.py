"""A real browser that opens a page of ours and says what it laid out."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from html import unescape
from pathlib import Path
from typing import Any

MEASURE = """
<script>
window.addEventListener("load", () => {
  const found = {
    title: document.title,
    headings: [...document.querySelectorAll("h1, h2, h3")].map(one => one.firstChild.textContent.trim()),
    images: [...document.images].map(one => [one.naturalWidth, one.naturalHeight, one.getBoundingClientRect().width]),
    width: document.documentElement.scrollWidth,
    room: window.innerWidth,
    sounds: [...document.querySelectorAll("audio")].map(one => [one.getAttribute("src"), one.canPlayType("audio/flac")]),
    text: document.body.innerText,
  };
  const told = document.createElement("pre"); told.id = "measured"; told.textContent = JSON.stringify(found);
  document.body.appendChild(told);
});
</script>
"""
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)


def program() -> str:
    """The browser's program. Raises RuntimeError where there is none."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if not found:
        raise RuntimeError("the page is tested in a real browser; install chromium with the system's package manager")
    return found


def opened(page: Path, width: int = 1100, height: int = 1400) -> dict[str, Any]:
    """Title, headings, images as (natural width, natural height, width), sounds as (file, whether the browser plays its kind),
    width of the page and of the window, and the text that is seen."""
    copy = page.with_name(f"measured-{page.name}")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    try:
        with tempfile.TemporaryDirectory() as profile:
            command = [
                program(),
                *FLAGS,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                "--dump-dom",
                copy.as_uri(),
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    finally:
        copy.unlink()
    told = done.stdout.split('<pre id="measured">')[1].split("</pre>")[0]
    found: dict[str, Any] = json.loads(unescape(told))
    return found
