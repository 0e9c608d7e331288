"""Photographs for the README: labs as they look while networks learn, taken by `make photographs`."""

import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page

from tests.serving import PATIENCE, browser, full_speed, served, settled

PLACE = Path(__file__).with_name("photographs")
SIZE = {"width": 1280, "height": 800}
QUALITY = 88


class Photograph(NamedTuple):
    """One photograph: what is opened, how the page looks, and how long the network learns before."""

    name: str
    path: str
    scheme: str
    unfolded: bool
    steps: int


EVERY = (
    Photograph("playground", "playground?preset=mlp-2-8-8-1", "light", False, 600),
    Photograph("cnn", "cnn?preset=lenet-5", "light", True, 400),
    Photograph("gan", "gan?preset=gan-eight", "dark", False, 2500),
)


def taken(chromium: Browser, address: str, one: Photograph) -> Image.Image:
    """Open a lab in a new window, let its network learn for a while, and return how the page looks then."""
    scheme = "dark" if one.scheme == "dark" else "light"
    context = chromium.new_context(viewport=SIZE, color_scheme=scheme, device_scale_factor=1.5)  # ty: ignore[invalid-argument-type]
    context.add_init_script(f"localStorage.setItem('vitrine-diagram', '{'1' if one.unfolded else ''}')")
    page = context.new_page()
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{address}/{one.path}")
    settled(page)
    if (leave := page.get_by_role("button", name="Leave the first steps")).count():
        leave.click()
    full_speed(page)
    page.get_by_role("button", name="Play").click()
    _learned(page, one.steps)
    image = Image.open(io.BytesIO(page.screenshot()))
    context.close()
    return image


def _learned(page: Page, steps: int) -> None:
    """Wait until a run has come so far, hold it, and let all figures show that moment."""
    page.wait_for_function(f"() => Number(document.querySelector('[data-testid=figure]')?.dataset.step) > {steps}")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(3000)


def main() -> None:
    """Take all of them."""
    PLACE.mkdir(exist_ok=True)
    with served() as (address, _), browser() as chromium:
        for one in EVERY:
            path = PLACE / f"{one.name}.webp"
            taken(chromium, address, one).save(path, quality=QUALITY)
            print(f"{path.name}: {path.stat().st_size / 1024:,.0f} KiB")


if __name__ == "__main__":
    main()
