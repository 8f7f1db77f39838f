"""A registry that has forgotten is told from one that has only counted on."""

from __future__ import annotations

from actors.registry_watch import RegistryWatch


def test_counters_that_shrink_are_a_loss_told_once() -> None:
    """Growing counters are none; a smaller or missing one is; then the new figures count."""
    watch = RegistryWatch()
    assert not watch.has_lost_data({"claims": 3})
    assert not watch.has_lost_data({"claims": 5, "retries": 1})
    assert watch.has_lost_data({"claims": 0, "retries": 0})
    assert not watch.has_lost_data({"claims": 1, "retries": 0})
    assert watch.has_lost_data({"retries": 0})
