import pytest

from engine import geography


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("DK1", "DK1"),
        ("dk1", "DK1"),
        ("DK-2", "DK2"),
        ("DKl", "DK1"),
        ("DKI", "DK1"),
        ("Dannmark", "DK"),
        ("Danmark", "DK"),
        ("Western Denmark", "DK1"),
        ("851", None),
        ("NO1", None),
        ("", None),
    ],
)
def test_what_an_area_code_was_meant_to_be(written, meant):
    assert geography.meant_by(written) == meant
