"""A certificate for loopback that signs itself, as PEM files."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Certificate", "make_certificate"]


class Certificate(NamedTuple):
    """Paths of PEM files."""

    certificate: str
    private_key: str

    def trusting(self, *protocols: str) -> ssl.SSLContext:
        """A client's context that believes this certificate alone, and offers ``protocols`` by ALPN."""
        context = ssl.create_default_context(cafile=self.certificate)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


def make_certificate(folder: Path, *, name: str = "server", passphrase: bytes = b"") -> Certificate:
    """A new certificate for localhost and 127.0.0.1, good for a day around now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=12))
        .not_valid_after(now + timedelta(hours=12))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    paths = Certificate(str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
    Path(paths.certificate).write_bytes(certificate.public_bytes(pem))
    Path(paths.private_key).write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption))
    return paths
