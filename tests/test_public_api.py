import pytest

import cir


def test_every_public_name_is_there_and_documented() -> None:
    for name in cir.__all__:
        value = getattr(cir, name)
        assert value is not None
        if callable(value):
            assert value.__doc__, name
    assert set(cir.__all__) <= set(dir(cir))


def test_errors_are_one_family() -> None:
    names = [name for name in cir.__all__ if name.endswith("Error")]
    assert len(names) == 7
    assert all(issubclass(getattr(cir, name), cir.CirError) for name in names)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        cir.serach  # noqa: B018
