"""The keys of `auth`: four ways to say who we are, one of which a check may have."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from apistatus.settings import reader_values as values
from apistatus.settings import target_urls, yaml_tree
from apistatus.settings.credentials import Auth, require_sendable
from apistatus.settings.live_text import live
from apistatus.settings.reader_values import VARIABLE
from apistatus.settings.reading import BROKEN, At, Broken, Key, read_keys

WAYS: Final = ("basic", "bearer", "oauth2", "aws")
CLIENT_AUTH: Final = ("basic", "body")
NEEDS: Final = {
    "basic": ("username", "password"),
    "oauth2": ("token_url", "client_id", "client_secret"),
    "aws": ("region", "service"),
}
"""What cannot be left out."""
_TEXT: Final = {"type": ["string", "number"]}


def _mapping(at: At, keys: Mapping[str, Key]) -> dict[str, Any] | Broken:
    """A mapping with these keys; what is wrong in it is reported there."""
    found = read_keys(at, keys)
    wrong = not isinstance(at.node, yaml_tree.Mapping) or BROKEN in found.values()
    return BROKEN if wrong else found


def _url(at: At) -> tuple[str, str]:
    """The URL of a token endpoint, and the same as written."""
    text = at.text()
    target_urls.require_usable(text)
    written = at.node.text if isinstance(at.node, yaml_tree.Scalar) else text
    return text, written


def _object(name: str, description: str, keys: Mapping[str, Key]) -> dict[str, Any]:
    properties = {key: dict(one.schema) for key, one in keys.items()}
    return {
        "description": description, "type": "object", "additionalProperties": False,
        "required": list(NEEDS[name]), "properties": properties,
    }  # fmt: skip


def _text(description: str) -> Key:
    """A text that may stand in a file and change while we run."""
    return Key(live, {"description": description, **_TEXT}, optional=False)


def auth_key(tls: Key) -> Key:
    """The key `auth`; `tls` is the key of that name, for the token endpoint's connection."""
    tables = _tables(tls)
    ways = {
        name: Key(partial(_mapping, keys=keys), _object(name, description, keys), optional=False)
        for name, (description, keys) in tables.items()
    }
    ways["bearer"] = Key(live, {"description": "a token", "type": "string"}, optional=False)
    schema = {
        "type": "object", "additionalProperties": False, "maxProperties": 1,
        "properties": {name: dict(ways[name].schema) for name in WAYS},
    }  # fmt: skip
    described = {"description": f"who we are: {_or(WAYS)}", "anyOf": [schema, {"type": "null"}]}
    return Key(partial(_auth, ways=ways), described)


def _tables(tls: Key) -> dict[str, tuple[str, dict[str, Key]]]:
    word = {"enum": list(CLIENT_AUTH)}
    return {
        "basic": ("name and password", {"username": _text("the name"), "password": _text("the password")}),
        "oauth2": ("a token by OAuth 2.0 client credentials", {
            "token_url": Key(_url, {"description": "the token endpoint", "type": "string"}, optional=False),
            "client_id": _text("who we are there"),
            "client_secret": _text("and its proof"),
            "scope": _text("scopes to ask for, with spaces between them"),
            "audience": _text("whom the token is for, where the token endpoint wants to know"),
            "client_auth": Key(
                partial(values.one_of, values=CLIENT_AUTH),
                {"description": "client_id and client_secret as HTTP Basic (default) or in the form's body",
                 "anyOf": [word, VARIABLE]},
                optional=False,
            ),
            "tls": tls,
        }),
        "aws": ("requests signed by AWS Signature Version 4", {
            "region": _text("like eu-central-1"),
            "service": _text("name of the service in signatures, like execute-api or s3"),
            "access_key_id": _text("with secret_access_key; without: what AWS's own tools would use here"),
            "secret_access_key": _text("the key that signs"),
            "session_token": _text("of temporary keys"),
        }),
    }  # fmt: skip


def _auth(at: At, ways: Mapping[str, Key]) -> Auth | Broken:
    found = _mapping(at, ways)
    if isinstance(found, Broken):
        return found
    if len(found) != 1:
        raise ValueError(f"must be one of {_or(WAYS)}")
    [(name, given)] = found.items()
    missing = [key for key in NEEDS.get(name, ()) if key not in given]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(f'`{key}`' for key in missing)}")
    if name == "oauth2":
        url, written = given["token_url"]
        given = {**given, "token_url": url, "written_url": written}
    auth = {name: given}
    require_sendable(auth)
    return auth


def require_installed(auth: Auth) -> None:
    """Raises ValueError when the library that this auth works with is not there. It is not loaded for that."""
    if "aws" in auth and importlib.util.find_spec("botocore") is None:
        raise ValueError("signing for AWS needs botocore: pip install 'apistatus[aws]'")


def _or(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
