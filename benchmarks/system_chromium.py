"""The system's Chromium, driven by Playwright. WebGL is in software: no GPU is needed."""

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)


def chromium_path() -> str | None:
    """Return where Chromium is; None where it is not installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def launch_chromium(playwright: "Playwright") -> "Browser":
    """Open Chromium without a window.

    Raises:
        FileNotFoundError: it is not installed.
    """
    path = chromium_path()
    if path is None:
        raise FileNotFoundError(f"Chromium is not installed: none of {', '.join(_NAMES)} is found")
    return playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
