"""From the keys of a check and its `defaults` to a `Check`: what follows from what, and what contradicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from apistatus.model.check import Check, Extractor, Proxy
from apistatus.model.identity import slug
from apistatus.settings import target_urls, yaml_tree
from apistatus.settings.auth_keys import require_installed
from apistatus.settings.check_draft import Defaults, Draft, overlaid
from apistatus.settings.credentials import Auth, LiveCredentials, late_auth, live_texts, secrets_of, with_auth
from apistatus.settings.expectations import expectations
from apistatus.settings.proxy_key import proxy_secrets
from apistatus.settings.reader_keys import CHECK_KEYS
from apistatus.settings.reading import BROKEN, At, read_keys
from apistatus.settings.tls_building import tls_options
from apistatus.settings.yaml_tree import Scalar

LONGEST_OWN_TIMEOUT_US: Final = 10_000_000
SHORTEST_TIMEOUT_US: Final = 10_000
DEFAULT_RETRY_DELAY_US: Final = 1_000_000
CERTIFICATE_DAYS: Final = 14
VALUE_KEYS: Final = ("json_path", "regex", "header")


@dataclass(slots=True)
class Taken:
    """The ids and names there are, and where each of them was given."""

    ids: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def build_check(at: At, defaults: Defaults, taken: Taken) -> Check | None:
    """The check, or None after its mistakes were reported."""
    own = read_keys(at, CHECK_KEYS)
    if not isinstance(at.node, yaml_tree.Mapping):
        return None
    draft = Draft(at, defaults, overlaid(defaults.values, own))
    identity = _identity(draft, taken)
    address = _address(draft)
    timing = _timing(draft)
    extractor = _extractor(draft)
    expected = expectations(draft)
    auth = _auth(draft)
    body, headers, credentials = _request(draft, auth)
    tls = tls_options(draft, draft.values.get("tls"), "tls")
    _require_reachable(draft, address)
    _require_one_way(draft, address[0] if address else "")
    if not (identity and address and timing and tls) or BROKEN in draft.values.values():
        return None
    share = at.reading.share
    labels = {name: label for name, label in draft.get("labels", {}).items() if label is not None}
    return Check(
        id=identity[0], name=identity[1], url=address[0], site=share(address[1]), endpoint=share(address[2]),
        interval_us=timing[0], timeout_us=timing[1], retries=timing[2], retry_delay_us=timing[3],
        group=share(draft.get("group")), labels=share(labels, key=("labels", *labels.items())),
        enabled=draft.get("enabled", True), sla_ms=draft.get("sla_ms"),
        method=draft.get("method", "GET"), headers=share(headers), body=share(body),
        follow_redirects=draft.get("follow_redirects", True), max_redirects=draft.get("max_redirects", 10),
        statuses=share(expected.statuses), failures=share(expected.failures), assertions=expected.assertions,
        extractor=extractor, value_header=share(draft.get("header")), changed=draft.get("changed", False),
        certificate_days=draft.values.get("certificate_days", CERTIFICATE_DAYS), credentials=credentials,
        late_auth=share(late_auth(auth)), secrets=share((*secrets_of(auth), *proxy_secrets(draft.get("proxy")))),
        tls=tls,
        max_body_bytes=draft.get("max_body_bytes", 1_048_576),
        keep_alive=draft.get("keep_alive", False), ip_family=draft.get("ip_family") or None,
        connect_to=share(draft.get("connect_to")), proxy=share(draft.get("proxy")),
        http_version=draft.get("http_version", "1.1"),
    )  # fmt: skip


def _identity(draft: Draft, taken: Taken) -> tuple[str, str] | None:
    name: str | None = draft.get("name")
    if name is None:
        if not draft.broken("name"):
            draft.at.fail("no `name`; every check has one")
        return None
    blame = draft.where("name")
    if name in taken.names:
        blame.fail(f"the check at {taken.names[name]} has this name already; names are unique")
        return None
    taken.names[name] = blame.position
    if draft.broken("id"):
        return None
    given: str | None = draft.get("id")
    check_id = given or slug(name)
    if check_id is None:
        blame.fail(
            "no `id` of at most 64 letters and digits can be made from this name; give the check an `id`"
        )
        return None
    blame = draft.where("id") if given else blame
    if check_id in taken.ids:
        hint = "" if given else ", which follows from the name; give this check an `id`"
        blame.fail(f"the check at {taken.ids[check_id]} has the id {check_id} already{hint}")
        return None
    taken.ids[check_id] = blame.position
    return check_id, name


def _address(draft: Draft) -> tuple[str, str, str] | None:
    """URL, and site and endpoint as written."""
    if draft.has("url") and (draft.has("site") or draft.has("endpoint")):
        draft.blame("url").fail("`url` stands for site and endpoint; keep one or the other")
        return None
    if not draft.has("url") and not draft.has("site"):
        draft.at.fail("neither `site` (with `endpoint`) nor `url`: nothing to check")
        return None
    if draft.broken("url", "site", "endpoint"):
        return None
    blame, text = draft.blame("url", "site"), draft.get("url")
    try:
        if text is None:
            site, endpoint = _written(blame), _written(draft.at.find("endpoint")) or "/"
            target_urls.require_site(draft.get("site"))
            blame = draft.blame("endpoint", "site")
            text = target_urls.joined(draft.get("site"), draft.get("endpoint", "/"))
        else:
            site, endpoint = target_urls.taken_apart(_written(blame))
            text = text and "".join(target_urls.taken_apart(text))
        target_urls.require_usable(text)
    except ValueError as error:
        blame.fail(str(error))
        return None
    return text, site, endpoint


def _require_reachable(draft: Draft, address: tuple[str, str, str] | None) -> None:
    """An address of one version of IP cannot be reached over the other."""
    version = draft.get("ip_family")
    if not version or address is None or draft.broken("connect_to", "proxy"):
        return
    host = draft.get("connect_to", (urlsplit(address[0]).hostname, 0))[0]
    if draft.has("proxy"):
        host = draft.get("proxy").host
    try:
        target_urls.require_version(host, version)
    except ValueError as error:
        draft.blame("ip_family", "proxy", "connect_to", "url", "site").fail(str(error))


def _require_one_way(draft: Draft, url: str) -> None:
    """What a proxy cannot do together with what else the check says."""
    proxy: Proxy | None = draft.get("proxy")
    if proxy is None:
        return
    if draft.has("connect_to"):
        draft.blame("connect_to", "proxy").fail(
            "connect_to and proxy: both say where to connect; take one away (null, where `defaults` has it)"
        )
    if draft.get("http_version") == "2" and proxy.scheme != "socks5" and url.startswith("http://"):
        draft.blame("http_version", "proxy").fail(
            "http_version 2 through an HTTP proxy is for https:// only; a SOCKS proxy can do it"
        )


def _written(at: At | None) -> str:
    """The text as it stands in the file. Raises ValueError when a result could not carry it."""
    if at is None or at.is_null or not isinstance(at.node, Scalar):
        return ""
    text = at.node.text
    if len(text) > target_urls.MAX_URL_CHARS or "\0" in text:
        raise ValueError(f"must not be longer than {target_urls.MAX_URL_CHARS} characters or hold U+0000")
    return text


def _timing(draft: Draft) -> tuple[int, int, int, int] | None:
    """Interval, timeout, retries, delay between attempts."""
    if draft.broken("interval", "timeout", "retries", "retry_delay"):
        return None
    interval_us: int = draft.get("interval", draft.reading.default_interval_us)
    retries: int = draft.get("retries", 0)
    delay_us: int = draft.get("retry_delay", DEFAULT_RETRY_DELAY_US)
    room_us = (interval_us - retries * delay_us) // (retries + 1)
    timeout_us: int = draft.get("timeout", min(LONGEST_OWN_TIMEOUT_US, room_us))
    if timeout_us > interval_us:
        draft.blame("timeout", "interval").fail(
            f"the timeout of {_seconds(timeout_us)} is longer than the interval of {_seconds(interval_us)}"
        )
        return None
    if timeout_us > room_us or timeout_us < SHORTEST_TIMEOUT_US:
        draft.blame("retries", "retry_delay", "timeout", "interval").fail(
            f"{retries + 1} attempts with {_seconds(delay_us)} between them do not fit the interval of "
            f"{_seconds(interval_us)}"
            + (f" with a timeout of {_seconds(timeout_us)}" if draft.has("timeout") else "")
        )
        return None
    return interval_us, timeout_us, retries, delay_us


def _seconds(duration_us: int) -> str:
    return f"{duration_us / 1_000_000:g}s"


def _extractor(draft: Draft) -> Extractor | None:
    given = [key for key in VALUE_KEYS if draft.has(key)]
    if len(given) > 1:
        draft.blame("regex", *VALUE_KEYS).fail(
            f"{' and '.join(given)}: a check keeps one value; take one away"
        )
        return None
    if draft.get("changed") and not given:
        draft.where("changed").fail("speaks of the value of json_path, regex or header, and there is none")
    _require_fitting_type(draft, given)
    if given and given != ["header"] and draft.get("method") == "HEAD":
        draft.blame("method", *given).fail(f"an answer to HEAD has no body to take {given[0]} from")
    extractor: Extractor | None = draft.get(given[0]) if given and given != ["header"] else None
    return extractor


def _require_fitting_type(draft: Draft, given: list[str]) -> None:
    told = draft.get("type")
    means = {"json_path": "json", "regex": "regex"}.get(given[0], "http") if given else "http"
    if told is not None and told != means:
        needs = {"http": "neither json_path nor regex", "json": "json_path", "regex": "regex"}[told]
        draft.blame("type", *given).fail(f"type {told} goes with {needs}")


def _auth(draft: Draft) -> Auth | None:
    """What the check says of who we are, the TLS options of its token endpoint read."""
    auth: Auth | None = draft.get("auth")
    if not auth:
        return None
    if draft.get("enabled", True):
        try:
            require_installed(auth)
        except ValueError as error:
            draft.where("auth").fail(str(error))
    if "oauth2" not in auth:
        return auth
    grant = auth["oauth2"]
    tls = tls_options(draft, grant.get("tls"), "auth", "oauth2", "tls")
    return {"oauth2": {**grant, "tls": tls}}


def _request(
    draft: Draft, auth: Auth | None
) -> tuple[bytes | None, tuple[tuple[str, str], ...], LiveCredentials | None]:
    """Body, headers, and what makes the headers anew where files stand in them."""
    if draft.has("body") and draft.has("json"):
        draft.blame("body", "json").fail("body and json: a request has one body; take one away")
    headers = dict(draft.get("headers", {}))
    if draft.has("json"):
        headers.setdefault("content-type", ("Content-Type", "application/json"))
    body: bytes | None = draft.get("json", draft.get("body"))
    if auth and headers.get("authorization", ("", None))[1] is not None:
        draft.blame("auth", "headers").fail("auth and a header Authorization: they are one; take one away")
        return None, (), None
    pairs = tuple(pair for pair in headers.values() if pair[1] is not None)
    texts = live_texts((*pairs, auth))
    return body, with_auth(pairs, auth), LiveCredentials(pairs, auth, texts) if texts else None
