"""Where MLflow is, and what of its address may be shown."""

from pathlib import Path

import pytest

from tasks.config import Config
from tasks.errors import ConfigError, HomeError
from tasks.home import Home
from tasks.registry.connection import has_server, tracking_uri, without_password


def config(uri: str | None = None) -> Config:
    return Config(name="demo", questions="questions.jsonl", mlflow_tracking_uri=uri, root=Path("/"))


def test_tracking_is_sqlite_below_the_home_unless_the_config_says_otherwise(tmp_path: Path):
    assert tracking_uri(config(), Home(tmp_path / "a b")) == f"sqlite:///{tmp_path}/a b/mlflow.db"


@pytest.mark.parametrize("uri", ["http://mlflow:5000", "https://mlflow", "postgresql://db/mlflow", "databricks"])
def test_the_configs_uri_is_taken_as_it_is(uri: str, tmp_path: Path):
    assert tracking_uri(config(uri), Home(tmp_path)) == uri


@pytest.mark.parametrize("uri", ["./mlruns", "mlruns", "file:///tmp/mlruns", "ftp://host"])
def test_a_uri_that_is_neither_server_nor_database_is_refused(uri: str, tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        tracking_uri(config(uri), Home(tmp_path))
    assert caught.value.problems == (
        f"mlflow_tracking_uri: {uri!r} is not accepted; name a server (http://...) or a database (postgresql://...), "
        "or leave the key out to track below RATCHET_HOME.",
    )


@pytest.mark.parametrize(("folder", "shown"), [("a?b", "'?'"), ("50%20", "'%'"), ("c#", "'#'"), ("?%", "'%' and '?'")])
def test_a_home_that_an_sqlite_url_cannot_carry_is_refused(folder: str, shown: str, tmp_path: Path):
    with pytest.raises(HomeError) as caught:
        tracking_uri(config(), Home(tmp_path / folder))
    assert caught.value.problems == (
        f"RATCHET_HOME {tmp_path / folder} has {shown} in its path, which MLflow's SQLite URL cannot carry: set "
        "RATCHET_HOME to a folder without it.",
    )


@pytest.mark.parametrize(
    ("uri", "server"),
    [("http://h", True), ("https://h", True), ("databricks://p", True), ("sqlite:///x", False), ("mysql://h", False)],
)
def test_a_server_is_told_from_a_database(uri: str, server: bool):
    assert has_server(uri) is server


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://user:secret@host:5000/x", "http://***@host:5000/x"),
        ("postgresql+psycopg://user:p@ss@host/db", "postgresql+psycopg://***@host/db"),
        ("https://token@host", "https://***@host"),
        ("http://host/a@b", "http://host/a@b"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
    ],
)
def test_a_password_is_never_shown(uri: str, shown: str):
    assert without_password(uri) == shown
