"""Mask secrets in text before it leaves the device: known ones, and text that looks like one."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from edge.config import secret_file, state_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from edge.config import Config

MASK = "***"
_NAMES = r"passw(?:or)?d|passphrase|pwd|secret|token|credential|api[_-]?key|private[_-]?key|authorization|cookie"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_INNOCENT = re.compile(r"(?:_file|_files|_path)$", re.IGNORECASE)
"""Settings that name a file are no secrets; what the file holds is."""
SERVICE_FOLDERS = (Path("/var/lib/face-edge"), Path("/etc/face-edge"))
"""The service's own; whoever asks with sudo has another state folder."""
_FILE_MAX = 64 * 1024
_SHORT = 4
_PATTERNS = (
    # up to the last @, wherever it stands: passwords hold unescaped / and # at times
    (re.compile(r"(?<=://)[^\s\"'<>]*@"), f"{MASK}@"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w+/=.~-]+", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), MASK),
    # pictures and keys that were written as text; hashes are shorter
    (re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+"), MASK),
    (re.compile(r"[A-Za-z0-9+/_-]{160,}={0,2}"), MASK),
)
_NAMED = re.compile(
    rf"(?P<name>\b[\w.-]*(?:{_NAMES})[\w.-]*)(?P<sign>\"?\s*[=:]\s*)(?P<value>\"[^\"\n]*\"|'[^'\n]*'|\S+)",
    re.IGNORECASE,
)


class Masker:
    """Callable that masks the given secrets in text, and others that it recognises."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        spellings = {spelling for secret in known for spelling in _spellings(secret.strip())}
        longest_first = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
        # a short one would be found in every other word
        parts = [re.escape(one) if len(one) >= _SHORT else rf"(?<!\w){re.escape(one)}(?!\w)" for one in longest_first]
        self._known = re.compile("|".join(parts)) if parts else None

    def __call__(self, text: str) -> str:
        """Return ``text`` with ``***`` in place of each secret."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return _NAMED.sub(_value_masked, text)

    def tree(self, value: Any, name: str = "") -> Any:
        """Mask the secrets in values for JSON, keeping their structure."""
        if isinstance(value, dict):
            return {self(str(key)): self.tree(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.tree(one, name) for one in value]
        if value and not isinstance(value, bool) and _is_secret(name):
            return MASK
        return self(value) if isinstance(value, str) else value


def known_secrets(
    config: Config,
    *,
    tree: Mapping[str, Any] | None = None,
    texts: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> set[str]:
    """Return the secrets in this device's configuration, environment and files.

    ``tree`` is the configuration before validation, ``texts`` are settings as written (the file, the units): passwords
    are secret also if the configuration is invalid, another layer overrides them, or their line is commented out.
    """
    variables = os.environ if environment is None else environment
    text = "\n".join(texts)
    found = {config.mqtt.password.get_secret_value(), *_in_uri(config.source.uri), *_in_uri(config.mqtt.broker)}
    found |= {match["value"].strip("\"'") for match in _NAMED.finditer(text)}
    found |= {secret for word in text.split() for secret in _in_uri(word.strip("\"',"))}
    found |= {secret for name, value in _leaves(tree or {}) for secret in _in_leaf(name, value)}
    found |= {value for name, value in variables.items() if _is_secret(name) and len(value) >= _SHORT}
    found |= {secret for value in variables.values() for secret in _in_uri(value)}
    for path in _files(config, dict(_leaves(tree or {})), variables):
        found |= set(_lines(path))
    return {secret for secret in found if secret.strip()}


def _files(config: Config, leaves: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield files whose lines are secrets: those that settings name, systemd's credentials, the device's keys."""
    credential = secret_file(config.mqtt.password_file, "mqtt-password", variables)
    named = (credential, config.kiosk.password_file, config.kiosk.viewer_token_file)
    yield from (file.expanduser() for file in named if file is not None)
    for name, value in leaves.items():
        if isinstance(value, str) and value and _SECRET_NAME.search(name) and _INNOCENT.search(name):
            yield Path(value).expanduser()
    if credentials := variables.get("CREDENTIALS_DIRECTORY"):
        yield from _inside(Path(credentials))
    folders = {state_dir(config, variables), *SERVICE_FOLDERS}
    if isinstance(own := leaves.get("node.state_dir"), str):
        folders.add(Path(own).expanduser())
    for folder in folders:
        yield from (file for file in _inside(folder) if _is_secret(file.name) or file.suffix in {".key", ".secret"})


def _inside(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.is_file()]
    except OSError:
        return []


def text_of(file: Path) -> str:
    """Return the beginning of a file as text; empty if it cannot be read."""
    try:
        with file.open("rb") as stream:
            return stream.read(_FILE_MAX).decode("utf-8", "replace")
    except OSError:
        return ""


def _lines(file: Path) -> list[str]:
    return [line.strip() for line in text_of(file).splitlines()]


def _leaves(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``(dotted key, value)`` of each value."""
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _leaves(value, f"{key}.{name}" if key else str(name))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _leaves(value, f"{key}.{index}")
    else:
        yield key, tree


def _in_leaf(key: str, value: Any) -> Iterator[str]:
    if _is_secret(key.rpartition(".")[2]):
        yield str(value)
    elif isinstance(value, str):
        yield from _in_uri(value)


def _in_uri(text: str) -> Iterator[str]:
    """Yield the password of a URI and its whole user information, if it has any."""
    if "://" not in text or "@" not in text:
        return
    information = text.partition("://")[2].rpartition("@")[0]
    yield information
    yield information.partition(":")[2]
    try:
        yield urlsplit(text).password or ""
    except ValueError:
        return


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _INNOCENT.search(name)


def _spellings(secret: str) -> set[str]:
    """Return the spellings of a secret in text, URIs and JSON."""
    ways = {secret, unquote(secret), quote(secret, safe=""), quote(secret), quote_plus(secret)}
    ways |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {way for way in ways if way and way != MASK}


def _value_masked(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    if _INNOCENT.search(name) or value in {'""', "''"}:
        return match[0]
    quoted = value[0] if value[0] in "\"'" and value.endswith(value[0]) else ""
    return f"{name}{match['sign']}{quoted}{MASK}{quoted}"
