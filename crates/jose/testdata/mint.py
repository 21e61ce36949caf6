"""Mints interop.json and pem.json: tokens of PyJWT, jwcrypto and Authlib by every algorithm, and keys in PEM.

The private keys are not kept: running it again replaces everything. The tokens expire in the year 2100.

    python3 -m venv v && v/bin/pip install pyjwt cryptography jwcrypto authlib && v/bin/python mint.py
"""

import base64
import datetime
import importlib.metadata
import json
import pathlib
import secrets
import subprocess
import tempfile
import warnings

warnings.simplefilter("ignore")

import jwt
from authlib.jose import JsonWebToken
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x25519
from cryptography.x509.oid import NameOID
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

HERE = pathlib.Path(__file__).parent
CLAIMS = {"iss": "https://issuer.example", "aud": ["api", "web"], "sub": "ann", "iat": 1767225600, "exp": 4102444800}

private = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
secret = secrets.token_bytes(64)
signer = {
    **{f"{family}{bits}": "rsa" for family in ("RS", "PS") for bits in (256, 384, 512)},
    "ES256": "p256",
    "ES384": "p384",
    "ES512": "p521",
    **{f"HS{bits}": "oct" for bits in (256, 384, 512)},
    "EdDSA": "ed",
}


def private_pem(name):
    key = private[name]
    none = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)


def pyjwt(algorithm, name):
    key = secret if name == "oct" else private[name]
    return jwt.encode(CLAIMS, key, algorithm, {"kid": name})


def jwcrypto(algorithm, name):
    if name == "oct":
        key = jwcrypto_jwk.JWK(kty="oct", k=base64.urlsafe_b64encode(secret).rstrip(b"=").decode())
    else:
        key = jwcrypto_jwk.JWK.from_pem(private_pem(name))
    token = jwcrypto_jwt.JWT(header={"alg": algorithm, "kid": name}, claims=CLAIMS)
    token.make_signed_token(key)
    return token.serialize()


def authlib(algorithm, name):
    key = secret if name == "oct" else private_pem(name)
    return JsonWebToken([algorithm]).encode({"alg": algorithm, "kid": name, "typ": "JWT"}, CLAIMS, key).decode()


def public_jwk(name):
    """As jwcrypto publishes it."""
    jwk = jwcrypto_jwk.JWK.from_pem(private_pem(name)).export_public(as_dict=True)
    return {**jwk, "kid": name, "use": "sig"}


SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def spki(key, format=SPKI):
    return key.public_bytes(serialization.Encoding.PEM, format).decode()


def certificate(key, curve_hash=hashes.SHA256()):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime.datetime(2026, 1, 1)).not_valid_after(datetime.datetime(2100, 1, 1))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    signed = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else curve_hash)
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def openssl(*arguments, **files):
    """Runs openssl in a folder with these files; what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (pathlib.Path(folder) / name).write_bytes(content)
        return subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True).stdout


def certificate_v1(name):
    """A certificate without the version field and without extensions."""
    request = openssl("req", "-new", "-key", "key", "-subj", "/CN=issuer.example", key=private_pem(name))
    days = ("-days", "20000")
    return openssl("x509", "-req", "-in", "request", "-signkey", "key", *days, request=request, key=private_pem(name)).decode()


def compressed(name):
    arguments = ("ec", "-in", "key", "-pubout", "-conv_form", "compressed")
    return openssl(*arguments, key=private_pem(name)).decode()


interop = {
    "made_with": {name: importlib.metadata.version(name) for name in ("pyjwt", "cryptography", "jwcrypto", "authlib")},
    "keys": [
        *(public_jwk(name) for name in private),
        {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()},
    ],
    "tokens": [
        {"by": make.__name__, "alg": algorithm, "kid": name, "token": make(algorithm, name)}
        for make in (pyjwt, jwcrypto, authlib)
        for algorithm, name in signer.items()
    ],
}
(HERE / "interop.json").write_text(json.dumps(interop, indent=1) + "\n")

pss = openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")
pem = {
    # The keys of interop.json, in every form.
    "good": {
        name: {
            "spki": spki(key.public_key()),
            "certificate": certificate(key),
            **({"pkcs1": spki(key.public_key(), serialization.PublicFormat.PKCS1)} if name == "rsa" else {}),
            **({"certificate of version 1": certificate_v1(name)} if name != "ed" else {}),
        }
        for name, key in private.items()
    },
    "bad": {
        "RSA of 1024 bits": openssl("rsa", "-in", "key", "-pubout", key=openssl("genrsa", "1024")).decode(),
        "RSA-PSS": openssl("pkey", "-in", "key", "-pubout", key=pss).decode(),
        "DSA": spki(dsa.generate_private_key(2048).public_key()),
        "P-224": spki(ec.generate_private_key(ec.SECP224R1()).public_key()),
        "secp256k1": spki(ec.generate_private_key(ec.SECP256K1()).public_key()),
        "X25519": spki(x25519.X25519PrivateKey.generate().public_key()),
        "Ed448": spki(ed448.Ed448PrivateKey.generate().public_key()),
        "P-256, compressed": compressed("p256"),
        "P-256, explicit parameters": openssl(
            "ec", "-in", "key", "-pubout", "-param_enc", "explicit", key=private_pem("p256")
        ).decode(),
        "certificate request": openssl("req", "-new", "-key", "key", "-subj", "/CN=a", key=private_pem("p256")).decode(),
    },
}
(HERE / "pem.json").write_text(json.dumps(pem, indent=1) + "\n")
