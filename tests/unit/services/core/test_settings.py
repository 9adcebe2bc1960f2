"""The settings tree: which source is strongest, what is refused, what is masked, what may change while running."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.core.errors import SettingsRejected
from services.core.settings import Settings, is_live, masked, merged, overlaid, read


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file, and no other one in reach."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "souffleur.toml"


def test_defaults_stand_without_any_source(config: Path) -> None:
    """Without file, environment and arguments the defaults are in force."""
    assert not config.exists()
    assert read() == Settings()


def test_the_file_is_stronger_than_the_defaults(config: Path) -> None:
    """A value in the file replaces the default and leaves its neighbours."""
    config.write_text("[gateway]\nport = 9001\n")
    settings = read()
    assert settings.gateway.port == 9001
    assert settings.gateway.host == "127.0.0.1"


def test_the_environment_is_stronger_than_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nested environment name replaces the file's value of that field only."""
    config.write_text('[gateway]\nport = 9001\nhost = "::1"\n')
    monkeypatch.setenv("SOUFFLEUR__GATEWAY__PORT", "9002")
    settings = read()
    assert (settings.gateway.port, settings.gateway.host) == (9002, "::1")


def test_arguments_are_stronger_than_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line says wins."""
    config.write_text("[gateway]\nport = 9001\n")
    monkeypatch.setenv("SOUFFLEUR__GATEWAY__PORT", "9002")
    assert read(arguments={"gateway": {"port": 9003}}).gateway.port == 9003


def test_the_standard_openai_names_are_a_whole_configuration(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL are read, and stronger than the file."""
    config.write_text('openai_model = "from-the-file"\n')
    for name, value in (("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"), ("OPENAI_API_KEY", "sk-1"), ("OPENAI_MODEL", "small")):
        monkeypatch.setenv(name, value)
    settings = read()
    assert (settings.openai_base_url, settings.openai_api_key.get_secret_value(), settings.openai_model) == ("http://127.0.0.1:1/v1", "sk-1", "small")


def test_a_named_file_must_be_there(config: Path) -> None:
    """A file that was asked for and is missing is an error, not an empty file."""
    with pytest.raises(SettingsRejected, match="cannot read"):
        read(config)


def test_a_broken_file_is_refused_with_its_place(config: Path) -> None:
    """Bad TOML names file and line."""
    config.write_text("port = = 3\n")
    with pytest.raises(SettingsRejected, match=r"souffleur\.toml.*line 1"):
        read()


@pytest.mark.parametrize(
    ("text", "path"),
    [("[gateway]\nport = 70000\n", "gateway.port"), ("[gatway]\nport = 1\n", "gatway"), ("[stage]\nhang_over_s = 'soon'\n", "stage.hang_over_s")],
)
def test_a_bad_field_is_named(config: Path, text: str, path: str) -> None:
    """A value out of range, an unknown section and a wrong type are refused with the path of the field."""
    config.write_text(text)
    with pytest.raises(SettingsRejected, match=path.replace(".", r"\.")):
        read()


def test_a_bad_value_is_not_repeated(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal does not show the value: it may be a secret in the wrong place."""
    monkeypatch.setenv("SOUFFLEUR__GATEWAY__PORT", "sk-secret")
    with pytest.raises(SettingsRejected) as refusal:
        read()
    assert "sk-secret" not in str(refusal.value)


def test_a_merge_patch_follows_the_standard() -> None:
    """RFC 7396: objects merge, null removes, everything else replaces."""
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    assert merged(base, {"a": {"b": None, "c": [3]}, "e": {"f": None}}) == {"a": {"c": [3]}, "d": 4, "e": {}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 4}


def test_an_overlay_is_validated_as_a_whole() -> None:
    """A patch gives a new tree or a refusal, and never touches the old one."""
    settings = Settings()
    assert overlaid(settings, {"stage": {"hang_over_s": 0.9}}).stage.hang_over_s == 0.9
    assert settings.stage.hang_over_s == 0.5
    with pytest.raises(SettingsRejected, match=r"stage\.hang_over_s"):
        overlaid(settings, {"stage": {"hang_over_s": 99}})


def test_only_live_fields_may_be_patched() -> None:
    """The paths that need a restart are named, the live ones are not; an unknown path is never live."""
    assert is_live({"stage": {"hang_over_s": 1}, "llm": {"temperature": 0.1}}) == []
    assert is_live({"stage": {"hang_over_s": 1, "lease_s": 3}, "gateway": {"port": 1}, "nobody": 1}) == ["stage.lease_s", "gateway.port", "nobody"]
    assert is_live({"gateway": 3}) == ["gateway"]


def test_secrets_are_masked() -> None:
    """Keys, tokens and passwords within URLs do not leave; numbers that only sound like them do."""
    engines = {"groq": {"api_key": "sk-2", "model": "small", "headers": [{"auth_token": "t-3"}]}}
    settings = overlaid(Settings(), {"openai_api_key": "sk-1", "redis": {"url": "redis://me:pw-4@host:1/0"}, "llm": {"engines": engines}})
    shown = masked(settings)
    text = str(shown)
    assert not [secret for secret in ("sk-1", "sk-2", "t-3", "pw-4") if secret in text]
    assert shown["redis"]["url"] == "redis://me:********@host:1/0"
    assert (shown["llm"]["max_tokens"], shown["llm"]["token_budget"]) == (220, 6000)


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:1"), ("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1")])  # noqa: S104 - compared, not bound
def test_the_gateway_is_called_at_an_address_that_can_be_called(host: str, url: str) -> None:
    """Listening everywhere is called by loopback."""
    assert overlaid(Settings(), {"gateway": {"host": host, "port": 1}}).gateway.url == url
