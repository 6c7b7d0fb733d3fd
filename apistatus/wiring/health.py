"""`apistatus health`, put together."""

from __future__ import annotations

from urllib.parse import urlsplit

from apistatus.errors import ConfigurationError, Problem
from apistatus.wiring.loading import Environ, settings_for

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared with, never bound to)


def ask(environ: Environ, url: str | None, timeout_s: float) -> tuple[bool, str]:
    """Whether a running command says that it is ready, and what it says."""
    from http.client import HTTPConnection, HTTPException

    host, port, path = _target(environ, url)
    connection = HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        said = response.read(65_536).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return False, f"http://{host}:{port}{path}: {cause}"
    finally:
        connection.close()
    return response.status == 200, said


def _target(environ: Environ, url: str | None) -> tuple[str, int, str]:
    if url is None:
        listen = settings_for(environ, {}, "service").settings.service.listen
        if listen is None:
            raise ConfigurationError(
                [
                    Problem(
                        "APISTATUS_LISTEN", "not set; name the URL: apistatus health http://HOST:PORT/ready"
                    )
                ]
            )
        host, port = listen
        return _EVERY_ADDRESS.get(host, host), port, "/ready"
    parts = urlsplit(url)
    try:
        host_name, port_number = parts.hostname, parts.port or 80
    except ValueError:
        host_name, port_number = None, 0
    if parts.scheme != "http" or host_name is None:
        raise ConfigurationError([Problem("URL", f"{url!r} must be of the form http://HOST:PORT/ready")])
    return host_name, port_number, parts.path if parts.path not in {"", "/"} else "/ready"
