"""Names of the document networks, and that asking for them costs no import of torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

import shapescope.networks as networks
from shapescope.networks.registry import NETWORKS, _by_name, find, names


@pytest.mark.parametrize("entry", NETWORKS, ids=lambda entry: entry.name)
def test_every_name_finds_its_entry_in_any_case(entry: networks.NetworkEntry) -> None:
    for name in (entry.name, *entry.aliases):
        assert find(name) is entry
        assert find(f" {name.upper()} ") is entry


def test_an_unknown_name_is_none() -> None:
    assert find("lenet6") is None


def test_names_lists_names_and_aliases_once() -> None:
    listed = names()
    assert listed[:3] == ["cifar-cnn", "convneuralnet", "cifar10"]
    assert len(listed) == len(set(listed)) == sum(1 + len(e.aliases) for e in NETWORKS)


def test_one_name_for_two_networks_is_refused() -> None:
    with pytest.raises(ValueError, match="two networks are called 'cifar-cnn'"):
        _by_name((NETWORKS[0], NETWORKS[0]))


def test_classes_come_lazily() -> None:
    assert networks.LeNet5.__name__ == "LeNet5"
    with pytest.raises(AttributeError, match="LeNet6"):
        _ = networks.LeNet6


def test_the_registry_imports_no_torch() -> None:
    code = "import sys, shapescope.networks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
