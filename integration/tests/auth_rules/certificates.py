"""Makes an authority and certificates in a directory: NAME.pem and NAME.key. Prints the digests of all by name."""

import datetime
import ipaddress
import json
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DIRECTORY = pathlib.Path(sys.argv[1])
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def name(*attributes):
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def save(label, key, certificate):
    pem = serialization.Encoding.PEM
    (DIRECTORY / f"{label}.pem").write_bytes(certificate.public_bytes(pem))
    (DIRECTORY / f"{label}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def make(label, subject, alternatives=(), issuer=None, ca=False):
    """Signs with its own key where there is no issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_name, issuer_key = issuer or (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(alternatives)), critical=False)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    save(label, key, certificate)
    DIGESTS[label] = certificate.fingerprint(hashes.SHA256()).hex()
    return subject, key


DIGESTS = {}
CN, O, C = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.COUNTRY_NAME
uri, dns = x509.UniformResourceIdentifier, x509.DNSName
authority = make("ca", name((CN, "authority")), ca=True)
server = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
make("server", name((CN, "server")), [server], authority)
make("billing", name((CN, "b")), [uri("spiffe://example/billing"), uri("spiffe://example/second")], authority)
make("second", name((CN, "b")), [uri("spiffe://example/first"), uri("spiffe://example/billing")], authority)
make("prod", name((CN, "p")), [uri("spiffe://example/ns/prod/sa/web")], authority)
make("dev", name((CN, "d")), [uri("spiffe://example/ns/dev/sa/web")], authority)
make("ops", name((CN, "o")), [dns("ops.example.com"), dns("second.example.com")], authority)
make("legacy", name((C, "DE"), (O, "Example"), (CN, "legacy")), issuer=authority)
make("odd", name((O, "Exämple, \"Inc\""), (CN, "a\\b;c=d")), issuer=authority)
make("batch", name((CN, "batch")), issuer=authority)
make("stranger", name((CN, "billing")), [uri("spiffe://stranger/billing")], authority)
make("forged", name((CN, "b")), [uri("spiffe://example/billing")])
print(json.dumps(DIGESTS))
