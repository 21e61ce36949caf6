"""Signs requests with http-message-signatures (RFC 9421), with keys of this run.

Standard input: a list of {name, key, method, url, body (base64 or null), covered, nonce}.
Standard output: {secret, public: {key: PEM}, headers: {name: {header: value}}}.
"""

import base64
import datetime
import json
import secrets
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECRET = secrets.token_urlsafe(32)
KEYS = {
    "hmac-sha256": (algorithms.HMAC_SHA256, SECRET.encode()),
    "ed25519": (algorithms.ED25519, ed25519.Ed25519PrivateKey.generate()),
    "ecdsa-p256-sha256": (algorithms.ECDSA_P256_SHA256, ec.generate_private_key(ec.SECP256R1())),
    "ecdsa-p384-sha384": (algorithms.ECDSA_P384_SHA384, ec.generate_private_key(ec.SECP384R1())),
    "rsa-pss-sha512": (algorithms.RSA_PSS_SHA512, RSA),
    "rsa-v1_5-sha256": (algorithms.RSA_V1_5_SHA256, RSA),
}


class Resolver(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return KEYS[key_id][1]

    def resolve_public_key(self, key_id):
        raise NotImplementedError


class Message:
    def __init__(self, method, url):
        self.method = method
        self.url = url
        self.headers = {}


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def signed(request):
    message = Message(request["method"], request["url"])
    signer = HTTPMessageSigner(signature_algorithm=KEYS[request["key"]][0], key_resolver=Resolver())
    body = request["body"]
    signer.sign(
        message,
        key_id=request["key"],
        created=datetime.datetime.now(datetime.timezone.utc),
        nonce=request["nonce"],
        covered_component_ids=request["covered"],
        body=None if body is None else base64.b64decode(body),
    )
    return dict(message.headers.items())


json.dump(
    {
        "secret": SECRET,
        "public": {name: pem(key) for name, (_, key) in KEYS.items() if not isinstance(key, bytes)},
        "headers": {request["name"]: signed(request) for request in json.load(sys.stdin)},
    },
    sys.stdout,
)
