import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-tutorial",
        action="store_true",
        help="keep what the notebooks print (pytest tests/tutorial --write-tutorial)",
    )
