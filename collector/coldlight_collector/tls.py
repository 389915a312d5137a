"""The certificate that all ports show, read from files, and read again when they change."""

import logging
import os
import ssl
from pathlib import Path

import grpc

log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """A certificate chain and its private key, both in PEM."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Raises OSError that names the flag and the fix when the files cannot be used."""
        self.cert, self.key = cert, key
        self._stamp = self._state()
        self._pair = _read(cert, key)
        self.context = _context(cert, key)

    def renew(self) -> bool:
        """Shows what the files hold now to whoever connects from now on; whether that is anything new.

        While they do not fit together, as when only one of them has been replaced yet, the old ones stay. Raises OSError
        that says so, once for each state of the files.
        """
        stamp = self._state()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        pair = _read(self.cert, self.key)
        _context(self.cert, self.key)  # a try, for one that fails would leave the live context half changed
        self.context.load_cert_chain(self.cert, self.key)
        self._pair = pair
        return True

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """For a gRPC server; each new connection is shown the certificate of its time."""
        shown = self._pair

        def changed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal shown
            if self._pair is shown:
                return None
            shown = self._pair
            return grpc.ssl_server_certificate_configuration([shown])

        return grpc.dynamic_ssl_server_credentials(
            grpc.ssl_server_certificate_configuration([shown]),
            changed,  # type: ignore[arg-type]  # None means no change (its docstring)
        )

    def _state(self) -> _Stamp:
        try:
            found = [os.stat(path) for path in (self.cert, self.key)]
        except OSError:
            return ()
        return tuple((status.st_ino, status.st_mtime_ns, status.st_size) for status in found)


def _read(cert: Path, key: Path) -> tuple[bytes, bytes]:
    """Key and chain, as gRPC takes them."""
    return _bytes_of("--tls-key", key), _bytes_of("--tls-cert", cert)


def _bytes_of(flag: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OSError(f"{flag}: {path} cannot be read: {error.strerror}; name a file in PEM") from error


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_refuse_password)
    except (ssl.SSLError, ValueError) as error:
        raise OSError(_explained(cert, key, error)) from error
    return context


def _refuse_password() -> str:
    raise ValueError("it is encrypted: store it without a password")


def _explained(cert: Path, key: Path, error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"--tls-key: {key} is not the key of the certificate in {cert}: name the one that it was issued for"
    if isinstance(error, ValueError):
        return f"--tls-key: {key}: {error}"
    return (
        f"--tls-cert: {cert}, --tls-key: {key}: no certificate and key in PEM ({getattr(error, 'reason', error)}): name the "
        "certificate with its chain, and its private key"
    )
