"""Mints the keys and tokens of this folder with PyJWT and cryptography: jwks.json and tokens.json.

The private keys are not kept: running it again replaces everything. Times are relative to 2026-01-01T00:00:00Z,
where the clock of the tests stands.

    python3 -m venv v && v/bin/pip install 'pyjwt[crypto]' && v/bin/python mint.py
"""

import base64
import hashlib
import hmac
import json
import pathlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
import jwt
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NOW = 1767225600
HOUR = 3600
# The test's environment has it as ${env:HS_SECRET}, base64url.
HS_SECRET = hashlib.sha512(b"gatehouse tests").digest()

keys = {
    "rs": rsa.generate_private_key(65537, 2048),
    "es256": ec.generate_private_key(ec.SECP256R1()),
    "es384": ec.generate_private_key(ec.SECP384R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
stranger = rsa.generate_private_key(65537, 2048)


def jwk(name, key):
    make = {"rs": RSAAlgorithm, "ed": OKPAlgorithm}.get(name, ECAlgorithm).to_jwk
    public = json.loads(make(key.public_key()))
    public.pop("key_ops", None)
    return {**public, "kid": name, "use": "sig"}


def claims(**changes):
    good = {
        "iss": "https://issuer.example",
        "aud": "api",
        "sub": "ann",
        "groups": ["staff", "admin"],
        "scope": "read write",
        "email": "ann@example.com",
        "iat": NOW,
        "exp": NOW + HOUR,
    }
    good.update(changes)
    return {name: value for name, value in good.items() if value is not ...}


def rs256(payload, key=keys["rs"], headers=None, **kwargs):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    headers = {"kid": "rs", **(headers or {})}
    headers = {name: value for name, value in headers.items() if value is not ...}
    return jwt.PyJWS().encode(payload, key, algorithm="RS256", headers=headers, **kwargs)


def forged(secret):
    """HS256 with a public key as the secret, which PyJWT refuses to do."""
    part = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=")
    text = part(b'{"alg":"HS256","kid":"rs","typ":"JWT"}') + b"." + part(json.dumps(claims()).encode())
    return (text + b"." + part(hmac.new(secret, text, "sha256").digest())).decode()


public = keys["rs"].public_key()
spki = serialization.PublicFormat.SubjectPublicKeyInfo
pem = public.public_bytes(serialization.Encoding.PEM, spki)
der = public.public_bytes(serialization.Encoding.DER, spki)

tokens = {
    "rs256": jwt.encode(claims(), keys["rs"], "RS256", {"kid": "rs"}),
    "rs384": jwt.encode(claims(), keys["rs"], "RS384", {"kid": "rs"}),
    "rs512": jwt.encode(claims(), keys["rs"], "RS512", {"kid": "rs"}),
    "es256": jwt.encode(claims(), keys["es256"], "ES256", {"kid": "es256"}),
    "es384": jwt.encode(claims(), keys["es384"], "ES384", {"kid": "es384"}),
    "eddsa": jwt.encode(claims(), keys["ed"], "EdDSA", {"kid": "ed"}),
    "hs256": jwt.encode(claims(), HS_SECRET, "HS256", {"kid": "hs"}),
    "hs384": jwt.encode(claims(), HS_SECRET, "HS384", {"kid": "hs"}),
    "hs512": jwt.encode(claims(), HS_SECRET, "HS512", {"kid": "hs"}),
    "ps256": jwt.encode(claims(), keys["rs"], "PS256", {"kid": "rs"}),
    "none": jwt.encode(claims(), None, "none"),
    "no_kid": rs256(claims(), headers={"kid": ...}),
    "kid_unknown": rs256(claims(), headers={"kid": "nobody"}),
    "kid_of_another_key": rs256(claims(), headers={"kid": "es256"}),
    "kid_injection": rs256(claims(), headers={"kid": "../../dev/null"}),
    "stranger": rs256(claims(), key=stranger),
    "stranger_brings_jwk": rs256(claims(), key=stranger, headers={"jwk": jwk("rs", stranger)}),
    "stranger_brings_jku": rs256(claims(), key=stranger, headers={"jku": "https://evil.example/keys"}),
    "confusion_pem": forged(pem),
    "confusion_der": forged(der),
    "crit": rs256(claims(), headers={"crit": ["exp"]}),
    "nested": rs256(claims(), headers={"cty": "JWT"}),
    "expired": rs256(claims(exp=NOW - HOUR)),
    "expired_within_skew": rs256(claims(exp=NOW - 29)),
    "expired_at_skew": rs256(claims(exp=NOW - 30)),
    "short": rs256(claims(exp=NOW + 60)),
    "nbf": rs256(claims(nbf=NOW + HOUR)),
    "nbf_within_skew": rs256(claims(nbf=NOW + 30)),
    "iat": rs256(claims(iat=NOW + HOUR)),
    "no_exp": rs256(claims(exp=...)),
    "exp_text": rs256(claims(exp="4102444800")),
    "other_issuer": rs256(claims(iss="https://evil.example")),
    "issuer_prefix": rs256(claims(iss="https://issuer.example.evil")),
    "no_issuer": rs256(claims(iss=...)),
    "other_audience": rs256(claims(aud="billing")),
    "audiences": rs256(claims(aud=["billing", "api"])),
    "no_audience": rs256(claims(aud=...)),
    "no_sub": rs256(claims(sub=...)),
    "sub_number": rs256(claims(sub=7)),
    "sub_empty": rs256(claims(sub="")),
    "sub_crlf": rs256(claims(sub="ann\r\nx-admin: 1")),
    "sub_space": rs256(claims(sub=" ann")),
    "sub_utf8": rs256(claims(sub="Änne")),
    "groups_text": rs256(claims(groups="staff")),
    "groups_number": rs256(claims(groups=7)),
    "groups_mixed": rs256(claims(groups=["staff", 7])),
    "no_groups": rs256(claims(groups=...)),
    "scope_list": rs256(claims(scope=["read"])),
    "email_crlf": rs256(claims(email="a\r\nx-admin: 1")),
    "email_nul": rs256(claims(email="a\0b")),
    "email_space": rs256(claims(email="a ")),
    "email_list": rs256(claims(email=["a", 1, True])),
    "email_list_comma": rs256(claims(email=["a,b"])),
    "email_object": rs256(claims(email={"a": 1})),
    "email_number": rs256(claims(email=7)),
    "email_true": rs256(claims(email=True)),
    "email_null": rs256(claims(email=None)),
    "email_empty": rs256(claims(email="")),
    "no_email": rs256(claims(email=...)),
    "claim_twice": rs256(json.dumps(claims()).encode()[:-1] + b', "sub": "root"}'),
    "claims_list": rs256(b"[1]"),
    "claims_not_json": rs256(b"ann"),
    "deep": rs256(b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    "large": rs256(claims(note="n" * 4000)),
    "too_long": rs256(claims(note="n" * 13000)),
}
# PyJWT gives b64 a meaning of its own (it leaves the payload out), so this one is put together here.
header = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"rs","b64":false}').rstrip(b"=").decode()
tokens["b64_false"] = ".".join([header, *tokens["rs256"].split(".")[1:]])

secret = {"kty": "oct", "kid": "hs", "k": "${env:HS_SECRET}"}
here = pathlib.Path(__file__).parent
jwks = {"keys": [jwk(name, key) for name, key in keys.items()] + [secret]}
(here / "jwks.json").write_text(json.dumps(jwks, indent=1) + "\n")
(here / "tokens.json").write_text(json.dumps(tokens, indent=1) + "\n")
(here / "hs_secret.txt").write_text(base64.urlsafe_b64encode(HS_SECRET).rstrip(b"=").decode() + "\n")
