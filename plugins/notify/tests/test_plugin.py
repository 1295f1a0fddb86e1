"""The settings, and the plugin as SeBilling loads it: from its entry point, by its hooks."""

import asyncio
from pathlib import Path

import pytest
from sebilling.plugins.loading import Plugins, PluginStatus

from sebilling_notify import clock
from sebilling_notify.settings import BadSettings, Settings, load

from .conftest import SECRET, TOKEN, People, event, until
from .receiving import Receiver

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_in_the_readme() -> None:
    for name, field in Settings.model_fields.items():
        line = next((line for line in README.splitlines() if f"`SEBILLING_NOTIFY_{name.upper()}`" in line), "")
        assert field.description
        assert field.description in line, name


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"webhook_urls": "https://one.example", "webhook_secret": "short"}, "WEBHOOK_SECRET"),
        ({"webhook_urls": "https://one.example"}, "WEBHOOK_SECRET isn't set"),
        ({"webhook_urls": f"http://one.example/{SECRET}", "webhook_secret": SECRET}, "ALLOW_HTTP"),
        ({"whatsapp_url": f"ftp://{SECRET}"}, "no address"),
        ({"telegram_chat": "-1"}, "TELEGRAM_TOKEN"),
        ({"whatsapp_messages": "payment,birthday"}, "birthday"),
        ({"templates": {"payment": "$nam"}}, "there is no field nam"),
        ({"templates": {"payment": "costs $ 5"}}, "$$"),
        ({"templates": {"birthday": ""}}, "birthday"),
        ({"whatsapp_per_minute": SECRET}, "WHATSAPP_PER_MINUTE"),
    ],
)
def test_what_cant_be_right_is_refused_without_its_value(given: dict[str, object], told: str) -> None:
    with pytest.raises(BadSettings) as caught:
        load({"_env_file": None, **given})
    assert told in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_file_of_settings_and_the_environment_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "notify.toml"
    file.write_text(
        f'webhook_urls = ["https://one.example", "https://two.example"]\nwebhook_secret = "{SECRET}"\nreminder_days = 5\n'
        '[templates]\npayment = "Terima kasih $name"\n'
    )
    monkeypatch.setenv("SEBILLING_NOTIFY_FILE", str(file))
    monkeypatch.setenv("SEBILLING_NOTIFY_REMINDER_DAYS", "7")
    settings = load({"_env_file": None})
    assert settings.webhook_urls == ("https://one.example", "https://two.example")
    assert (settings.reminder_days, settings.templates) == (7, {"payment": "Terima kasih $name"})
    assert SECRET not in repr(settings)
    file.write_text("reminder_days = ")
    with pytest.raises(BadSettings):
        load({"_env_file": None})
    monkeypatch.setenv("SEBILLING_NOTIFY_FILE", str(tmp_path / "missing"))
    with pytest.raises(BadSettings, match="names no file"):
        load({"_env_file": None})


def test_a_name_that_is_no_setting_is_refused_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEBILLING_NOTIFY_TELEGRAM_CHATS", SECRET)
    with pytest.raises(BadSettings, match=r"TELEGRAM_CHATS is no setting: did you mean SEBILLING_NOTIFY_TELEGRAM_CHAT\?") as caught:
        load({"_env_file": None})
    assert SECRET not in str(caught.value)
    monkeypatch.delenv("SEBILLING_NOTIFY_TELEGRAM_CHATS")
    file = tmp_path / "notify.toml"
    file.write_text("remind_days = 5\n")
    monkeypatch.setenv("SEBILLING_NOTIFY_FILE", str(file))
    with pytest.raises(BadSettings, match="REMINDER_DAYS"):
        load({"_env_file": None})


async def test_it_is_loaded_started_told_and_ended_as_a_worker_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as receiver:
        for name, value in {
            "WHATSAPP_URL": receiver.url,
            "WHATSAPP_TOKEN": TOKEN,
            "QUEUE": str(tmp_path / "q"),
            "MAX_AGE_HOURS": "720",
        }.items():
            monkeypatch.setenv(f"SEBILLING_NOTIFY_{name}", value)
        monkeypatch.chdir(tmp_path)
        plugins = Plugins.load()
        assert [one.status for one in plugins.plugins if one.name == "notify"] == [PluginStatus.ACTIVE]
        await plugins.call("notify", "sebilling_startup", context=People())
        await plugins.call("notify", "sebilling_payment_recorded", event=event(1, at=clock.now()))
        await plugins.call("notify", "sebilling_hourly")
        await until(lambda: receiver.requests)
        await asyncio.sleep(0.1)
        await plugins.call("notify", "sebilling_shutdown")
        await plugins.close()
    assert "Rp50.000" in receiver.requests[0].form["message"]


async def test_with_nothing_set_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plugins = Plugins.load()
    await plugins.call("notify", "sebilling_startup", context=People())
    await plugins.call("notify", "sebilling_payment_recorded", event=event(1))
    await plugins.close()
    assert not (tmp_path / "var").exists(), "no queue is made"
