"""A client's certificate that is replaced, and a target that remembers who came."""

from __future__ import annotations

import ssl
from pathlib import Path

from apistatus.model.check import TlsOptions
from tests.targets.certificates import Issued, issue, server_context
from tests.targets.server import Connection, Target, answer, read_request


class Volume:
    """A client's certificate and key, mounted as Kubernetes mounts a secret."""

    def __init__(self, folder: Path, authority: Issued) -> None:
        self._folder, self._authority, self._made = folder, authority, 0
        for name in ("tls.crt", "tls.key"):
            (folder / name).symlink_to(Path("..data", name))
        self.options = TlsOptions(
            ca_file=str(folder / "ca.pem"),
            cert_file=str(folder / "tls.crt"),
            key_file=str(folder / "tls.key"),
        )
        (folder / "ca.pem").write_bytes(authority.pem)

    def swap(self, name: str, key: bytes | None = None) -> None:
        """A new certificate for `name`, all of it in place at once; `key` in place of its own."""
        self._made += 1
        client = issue(name, self._authority)
        version = self._folder / f"..{self._made}"
        version.mkdir()
        (version / "tls.crt").write_bytes(client.pem)
        (version / "tls.key").write_bytes(client.key_pem if key is None else key)
        link = self._folder / "..new"
        link.symlink_to(version.name)
        link.replace(self._folder / "..data")

    def server_context(self, folder: Path) -> ssl.SSLContext:
        """Of a server that wants a certificate of the same authority."""
        context = server_context(folder, issue("good", self._authority))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.options.ca_file)
        return context


class Names:
    """A behaviour that answers for ever, and remembers by what name each client came."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, connection: Connection, target: Target) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        subject = (connection.getpeercert() or {})["subject"]
        self.seen.append(dict(pair for part in subject for pair in part)["commonName"])
        while read_request(connection, target):
            connection.sendall(answer())
