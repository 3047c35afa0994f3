"""The figures of docs/accuracy.md are the floor: none may drop."""

import pytest

from tests.accuracy import document, measuring
from tests.accuracy.measuring import Score


def test_no_package_is_read_worse_than_recorded(shared):
    _hold(document.recorded("Packages"), measuring.packages(shared / "data"))


def test_no_finding_is_matched_worse_than_recorded(shared):
    _hold(document.recorded("Findings"), measuring.findings(shared / "data"))


def test_no_version_is_ordered_wrongly_nor_more_of_them_unknown_than_recorded(shared):
    measured = measuring.orders(shared / "data")
    recorded = document.recorded("Orderings")
    assert recorded.keys() == measured.keys()
    for name, (right, unknown, wrong) in recorded.items():
        order = measured[name]
        assert order.wrong <= wrong == (18 if name == "Maven" else 0), name
        assert order.right >= right, name
        assert order.unknown <= unknown, name


def _hold(recorded: dict[str, tuple[int, int, int]], measured: dict[str, Score]) -> None:
    assert recorded.keys() == measured.keys()
    for name, (right, wrong, missed) in recorded.items():
        score = measured[name]
        counts = (score.right, -score.wrong, -score.missed)
        assert all(
            now >= then for now, then in zip(counts, (right, -wrong, -missed), strict=True)
        ), f"{name} dropped: {score.differences[:20]}"


@pytest.mark.parametrize(
    ("found", "expected", "f1"),
    [("ab", "ab", 1.0), ("ab", "a", 2 / 3), ("", "ab", 0.0), ("", "", 1.0)],
)
def test_a_score_is_the_harmonic_mean_of_precision_and_recall(found, expected, f1):
    score = Score()
    score.count("x", ((c,) for c in found), ((c,) for c in expected))
    assert score.f1 == pytest.approx(f1)


def test_the_document_can_be_read_back(tmp_path, monkeypatch):
    score = Score()
    score.count("image", [("deb", "a", "1")], [("deb", "a", "1"), ("deb", "b", "2")])
    monkeypatch.setattr(document, "PATH", tmp_path / "accuracy.md")
    orders = {"Debian": measuring.Order(5, 1, 0)}
    document.PATH.write_text(document.compose({"deb": score}, {"Debian": score}, orders))
    assert document.recorded("Packages") == {"deb": (1, 0, 1)}
    assert document.recorded("Orderings") == {"Debian": (5, 1, 0)}
    assert "− image: deb b 2" in document.PATH.read_text()
