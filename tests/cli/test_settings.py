"""Wrong settings are refused by one sentence that says which and what they may be, and never with their value."""

import os
from pathlib import Path

import pytest

from sebilling import keys
from sebilling.config import Settings, is_hard_to_guess
from sebilling.operator_errors import InvalidSetting
from tests.commands import run
from tests.harness import SECRET_KEY

COMMANDS = [("plugin", "list"), ("serve",), ("worker",), ("check",), ("secrets", "rotate")]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder without `.env`, and no setting in the environment."""
    for name in [name for name in os.environ if name.startswith("SEBILLING_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(**given: str) -> InvalidSetting:
    """Why these settings in the environment are refused; in one line, and without any of their values."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in given.items():
            patch.setenv(name, value)
        with pytest.raises(InvalidSetting) as caught:
            Settings.read()
    for language in ("en", "id"):
        told = caught.value.message(language)
        assert "\n" not in told
        assert "Sentence" not in told
        assert not [value for value in given.values() if len(value) > 3 and value in told]
    assert caught.value.message("en") != caught.value.message("id")
    return caught.value


def test_every_command_says_one_sentence_and_ends_with_code_2(tmp_path: Path) -> None:
    for command in COMMANDS:
        done = run(command, folder=tmp_path, SEBILLING_PORT="abc", SEBILLING_VAR=str(tmp_path / "var"))
        assert done.stderr.splitlines() == ["SEBILLING_PORT can't be used: it must be a whole number from 0 to 65535."]
        assert done.returncode == 2
    assert not (tmp_path / "var").exists()


def test_a_wrong_value_is_told_with_what_it_may_be(alone: Path) -> None:
    assert "json, console" in str(refused(SEBILLING_LOG_FORMAT="text"))
    assert "true or false" in str(refused(SEBILLING_INLINE_WORKER="perhaps"))
    assert "a whole number from 2 to 200" in str(refused(SEBILLING_DATABASE_CONNECTIONS="1"))
    several = str(refused(SEBILLING_PORT="abcde", SEBILLING_LOG_LEVEL="LOUD"))
    assert "SEBILLING_PORT" in several
    assert "SEBILLING_LOG_LEVEL" in several


@pytest.mark.parametrize(
    "address",
    ["tagihan.example", "ftp://tagihan.example", "https://isp.id/tagihan", "https://a:b@isp.id", "https:///tagihan", "https://isp.id?a"],
)
def test_the_public_address_has_no_path(alone: Path, address: str) -> None:
    assert "without a path" in str(refused(SEBILLING_PUBLIC_URL=address))


def test_the_public_address_is_kept_without_a_slash(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBILLING_PUBLIC_URL", "https://billing.isp.id:8443/")
    assert Settings.read().public_url == "https://billing.isp.id:8443"


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "SECRET_KEY_OLD", "DATABASE_URL", "STORAGE_URL", "VAR", "PORT", "TRUSTED_DOCUMENTS", "HOST"]
)
def test_an_empty_value_is_no_value(alone: Path, name: str) -> None:
    assert f"SEBILLING_{name} can't be used: it is empty" in str(refused(**{f"SEBILLING_{name}": ""}))


def test_an_empty_name_of_a_file_is_no_name(alone: Path) -> None:
    assert "SEBILLING_SECRET_KEY_FILE" in str(refused(SEBILLING_SECRET_KEY_FILE=""))
    (alone / "empty").touch()
    assert "SEBILLING_SECRET_KEY" in str(refused(SEBILLING_SECRET_KEY_FILE=str(alone / "empty")))


def test_what_may_be_empty_may_be_empty(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBILLING_ALLOWED_HOSTS", "")
    assert Settings.read().allowed_hosts == ""


@pytest.mark.parametrize(
    "key",
    ["x", "of tests", "a" * 64, "0123456789abcdef" * 2, "password" * 8, "abcdefghijklmnopqrstuvwxyz0123456789", "1234567890" * 5,
     "change-me-to-a-long-random-string", SECRET_KEY[:31], "ganti-dengan-kunci-acak-yang-panjang"],
)  # fmt: skip
def test_a_key_that_can_be_guessed_is_refused(alone: Path, key: str) -> None:
    assert "openssl rand -hex 24" in str(refused(SEBILLING_SECRET_KEY=key))
    (alone / ".env").write_text(f"SEBILLING_SECRET_KEY={key}\n")
    with pytest.raises(InvalidSetting):
        Settings.read()


def test_a_random_key_is_taken_and_an_old_one_as_it_was(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBILLING_SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("SEBILLING_SECRET_KEY_OLD", "weak")  # else nobody could come from it
    assert Settings.read().secret_key_old is not None
    for bytes_of_chance in range(500):
        assert is_hard_to_guess(keys.derived(str(bytes_of_chance)).hex()[:32])


@pytest.mark.parametrize(
    ("name", "near"), [("SEBILLING_SECRETKEY", "SEBILLING_SECRET_KEY"), ("SEBILLING_LOGLEVEL", "SEBILLING_LOG_LEVEL"), ("SEBILLING_QQ", "")]
)
def test_a_name_that_is_no_setting_is_refused_with_the_nearest(alone: Path, name: str, near: str) -> None:
    told = str(refused(**{name: "whatever"}))
    assert told.startswith(f"{name} can't be used: there is no such setting")
    assert (f"did you mean {near}?" in told) if near else ("did you mean" not in told)
    (alone / ".env").write_text(f"{name.lower()}=1\n")
    with pytest.raises(InvalidSetting, match=name):
        Settings.read()


def test_plugins_have_settings_of_their_own(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBILLING_NOTIFY_FILE", "notify.toml")
    monkeypatch.setenv("SEBILLING_TEST_ANYTHING", "1")
    monkeypatch.setenv("OTHER", "1")
    Settings.read()
    assert "SEBILLING_NOTIFI_FILE" in str(refused(SEBILLING_NOTIFI_FILE="notify.toml"))


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_key_file_that_is_no_whole_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(InvalidSetting, match=rf"secret\.key.*{len(content)} bytes"):
        keys.key_in(tmp_path)


def test_a_folder_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(InvalidSetting, match="SEBILLING_VAR"):
        keys.key_in(tmp_path / "var")
