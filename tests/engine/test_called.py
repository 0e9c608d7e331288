"""Own data bear the name that a person gave them."""

import pytest

from engine.data import DATASETS

ROWS = tuple((float(i % 5), float(i // 5), i % 2) for i in range(20))
TABLE = "a,b,kind\n" + "\n".join(f"{i},{i * i},{'xy'[i % 2]}" for i in range(20))
SERIES = "value\n" + "\n".join(str((i * 7) % 11) for i in range(120))


def own(tmp_path, monkeypatch, kind):
    """Return a source of each kind of own data."""
    monkeypatch.setenv("VITRINE_DATA", str(tmp_path))
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "series.csv").write_text(SERIES)
    options = {
        "own-points": {"rows": ROWS},
        "table": {"path": str(tmp_path / "table.csv")},
        "series": {"path": str(tmp_path / "series.csv")},
        "writing": {"pasted": "a short text, again and again. " * 40},
    }
    return DATASETS[kind](**options[kind])


@pytest.mark.parametrize("kind", ["own-points", "table", "series", "writing"])
def test_a_name_of_ones_own_is_what_they_are_called(tmp_path, monkeypatch, kind):
    source = own(tmp_path, monkeypatch, kind)
    assert source.load().title == source.name == source.title
    named = source.but(called="  My own  ")
    assert named.load().title == named.name == "My own"
    assert DATASETS[kind].read({k: v for k, v in named.write().items() if k != "kind"}) == named
