"""Runs every test here against the real binary and closes with `N passed, N failed`.

    python3 imap-server/tests/real-clients/run.py [PATTERN]

Needs the programs and the packages of PyPI and npm that `.ci/run` installs; RESTANTE names another binary than
target/debug/restante."""

import pathlib
import sys
import unittest


def main():
    here = pathlib.Path(__file__).parent
    loader = unittest.TestLoader()
    if len(sys.argv) > 1:
        loader.testNamePatterns = [f"*{sys.argv[1]}*"]
    suite = loader.discover(str(here), "test_*.py", str(here))
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    bad = len({case.id() for case, _ in result.failures + result.errors})
    print(f"{result.testsRun - bad} passed, {bad} failed")
    return 1 if bad or result.testsRun == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
