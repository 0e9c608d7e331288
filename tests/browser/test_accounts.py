"""Accounts: who comes in through a provider, as whom, and out again. The provider is a small real one of ours."""

import dataclasses
import json
import re

import pytest
from playwright.sync_api import expect

from engine.live.gate import ENTER
from engine.presets import PRESETS
from engine.training.link import to_link
from tests.provider import provider, secrets_for
from tests.serving import PATIENCE, free_port, served

ADA = {"sub": "ada-1", "name": "Ada", "email": "ada@school.test", "email_verified": True}


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Serve an app whose visitors sign in with accounts; yield its address, its home and the provider."""
    home, port = tmp_path_factory.mktemp("accounts"), free_port()
    with provider() as made:
        (home / ".streamlit").mkdir()
        (home / ".streamlit" / "secrets.toml").write_text(secrets_for(made, port))
        listed = {"VITRINE_TEACHERS": "Head@School.test, 77", "VITRINE_MEMBERS": "@school.test,bob-2"}
        with served(home, port=port, HOME=str(home), VITRINE_SPARE="0", **listed) as (address, _):
            yield address, home, made


@pytest.fixture
def comes(school, chromium):
    """Return a function that opens a page for somebody and begins to sign in."""
    address, _, made = school
    opened = []

    def comes(claims, path=""):
        made.claims = claims
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        opened.append(page)
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{address}/{path}")
        page.get_by_role("link", name="Sign in with your account").click()
        return page

    yield comes
    for page in opened:
        page.context.close()


def test_an_account_lets_in_where_the_link_led_with_own_runs_and_out_again(school, comes):
    _, _, made = school
    experiment = PRESETS["mlp-2-8-8-1"].experiment()
    experiment = dataclasses.replace(experiment, recipe=experiment.recipe.but(epochs=1.0))
    page = comes(ADA, f"playground?x={to_link(experiment)}")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_test_id("status")).to_have_text("done")
    assert "/playground?" in page.url

    again = comes(ADA, "runs")  # another browser, the same account
    expect(again.get_by_text("You are signed in as Ada.")).to_be_visible()
    expect(again.get_by_text("Tick a run to open")).to_be_visible()
    again.get_by_role("button", name="Sign out").click()
    expect(again.get_by_text("open to those who were invited")).to_be_visible()
    assert made.left == 1

    bob = comes({"sub": "bob-2"}, "runs")  # named by what the provider calls him; without a name or an address
    expect(bob.get_by_text("Nothing has been trained yet")).to_be_visible()
    expect(bob.get_by_text("You are signed in as guest.")).to_be_visible()

    head = comes({**ADA, "sub": "9", "name": "<b>Head</b>", "email": "HEAD@school.test"}, "runs")
    expect(head.get_by_text("Tick a run to open")).to_be_visible()  # Ada's
    expect(head.get_by_text("You are signed in as <b>Head</b>.")).to_be_visible()


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({**ADA, "sub": "eve", "email": "eve@elsewhere.test"}, "eve@elsewhere.test is not among those"),
        ({**ADA, "sub": "eve", "email": "head@school.test", "email_verified": False}, "eve is not among those"),
        ({"sub": "eve", "email": "head@school.test"}, "eve is not among those"),
        ({"sub": "<img src=x onerror=document.title=7>"}, "<img src=x onerror=document.title=7> is not"),
    ],
    ids=["another domain", "not verified", "nobody says verified", "a name that is a script"],
)
def test_who_is_not_on_the_list_stays_out_and_may_sign_out(school, comes, claims, words):
    page = comes(claims)
    expect(page.get_by_text(words)).to_be_visible()
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in with your account")).to_be_visible()


def test_an_invitation_lets_in_beside_accounts_and_the_stronger_counts(school, comes):
    address, home, _ = school
    page = comes(ADA, "runs")
    expect(page.get_by_text("signed in as Ada")).to_be_visible()
    page.goto(f"{address}/runs?token={json.loads((home / 'keys.json').read_text())['host']}")
    expect(page.get_by_text("Tick a run to open")).to_be_visible()
    expect(page.get_by_text("signed in as Ada")).to_have_count(0)


def test_ways_lead_nowhere_else(school, comes):
    address, _, _ = school
    page = comes(ADA, "runs")
    expect(page.get_by_text("signed in as Ada")).to_be_visible()
    for elsewhere in ("//evil.test/x", "https://evil.test/x", "/\\evil.test/x", "\r\nX: y"):
        page.goto(f"{address}{ENTER}?with=default&to={elsewhere}")
        assert re.match(re.escape(address), page.url), page.url
    assert page.request.get(f"{address}{ENTER}?with=other").status == 404
