"""Which tests are run once more when they fail, and that the first failure is told."""

import pathlib

import pytest

pytest_plugins = ["pytester"]
HERE = pathlib.Path(__file__).parents[1]

CONFTEST = """
import pytest
from tests.conftest import pytest_collection_modifyitems, pytest_terminal_summary

@pytest.fixture
def control_plane():
    return "a stand-in"

@pytest.fixture(scope="module")
def sites():
    return "shared"
"""
TESTS = """
import pathlib
import pytest

def attempts(name):
    with pathlib.Path(name).open("a") as file:
        file.write("x")
    return len(pathlib.Path(name).read_text())

def test_real(control_plane):
    assert attempts("real") == 2, "the endpoints were late"

def test_always_failing(control_plane):
    assert attempts("always") == 0

def test_deterministic():
    assert attempts("deterministic") == 2

def test_shared(control_plane, sites):
    assert attempts("shared") == 2

@pytest.mark.once("kills at random")
def test_random(control_plane):
    assert attempts("random") == 2
"""
ATTEMPTS = {"real": 2, "always": 2, "deterministic": 1, "shared": 1, "random": 1}


def test_what_is_in_real_time_has_a_second_attempt(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    pytester.makeini("[pytest]\nmarkers =\n    cluster\n    once")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert result.parseoutcomes() == {"passed": 1, "failed": 4, "rerun": 2}
    result.stdout.fnmatch_lines(["*2 first attempts that failed*", "*test_real*", "*the endpoints were late*"])
    counts = {name: len((pytester.path / name).read_text()) for name in ATTEMPTS}
    assert counts == ATTEMPTS
