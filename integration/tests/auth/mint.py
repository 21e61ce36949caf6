"""Prints fresh keys, and tokens that PyJWT mints with them, as one JSON object {"jwks", "secret", "tokens"}."""

import base64
import json
import secrets
import time

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
import jwt
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

now = int(time.time())
keys = {
    "rs": rsa.generate_private_key(65537, 2048),
    "es256": ec.generate_private_key(ec.SECP256R1()),
    "es384": ec.generate_private_key(ec.SECP384R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}
stranger = rsa.generate_private_key(65537, 2048)
secret = secrets.token_bytes(64)


def jwk(name, key):
    make = {"rs": RSAAlgorithm, "ed": OKPAlgorithm}.get(name, ECAlgorithm).to_jwk
    public = json.loads(make(key.public_key()))
    public.pop("key_ops", None)
    return {**public, "kid": name}


def token(key=keys["rs"], algorithm="RS256", kid="rs", header=None, **changes):
    claims = {
        "iss": "https://issuer.example",
        "aud": "api",
        "sub": "ann",
        "groups": ["staff"],
        "scope": "read write",
        "email": "ann@example.com",
        "iat": now,
        "exp": now + 3600,
    }
    claims.update(changes)
    claims = {name: value for name, value in claims.items() if value is not ...}
    payload = json.dumps(claims).encode()
    return jwt.PyJWS().encode(payload, key, algorithm=algorithm, headers={"kid": kid, **(header or {})})


tokens = {
    "rs256": token(),
    "rs384": token(algorithm="RS384"),
    "rs512": token(algorithm="RS512"),
    "es256": token(keys["es256"], "ES256", "es256"),
    "es384": token(keys["es384"], "ES384", "es384"),
    "eddsa": token(keys["ed"], "EdDSA", "ed"),
    "hs256": token(secret, "HS256", "hs"),
    "hs384": token(secret, "HS384", "hs"),
    "hs512": token(secret, "HS512", "hs"),
    "ps256": token(algorithm="PS256"),
    "none": token(None, "none"),
    "stranger": token(stranger),
    "es256_stranger": token(ec.generate_private_key(ec.SECP256R1()), "ES256", "es256"),
    "brings_its_key": token(stranger, header={"jwk": jwk("rs", stranger)}),
    "unknown_kid": token(kid="nobody"),
    "crit": token(header={"crit": ["exp"]}),
    "expired": token(exp=now - 3600),
    "not_yet": token(nbf=now + 3600),
    "future": token(iat=now + 3600),
    "other_issuer": token(iss="https://evil.example"),
    "other_audience": token(aud="billing"),
    "no_expiry": token(exp=...),
    "no_subject": token(sub=...),
    "number_subject": token(sub=7),
    "injection": token(sub="ann\r\nx-admin: 1"),
    "claim_injection": token(email="ann\r\nx-admin: 1"),
    "nobody_special": token(groups=[]),
    "reader": token(scope="read"),
    "bob": token(sub="bob"),
}

hs = {"kty": "oct", "kid": "hs", "k": "${env:HS_SECRET}"}
print(
    json.dumps(
        {
            "jwks": {"keys": [jwk(name, key) for name, key in keys.items()] + [hs]},
            "secret": base64.urlsafe_b64encode(secret).rstrip(b"=").decode(),
            "tokens": tokens,
        }
    )
)
