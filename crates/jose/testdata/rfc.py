"""Writes rfc.json: the vectors of the RFCs that vectors.rs does not have.

RFC 7515 (A.4 to A.6), RFC 7517 (A.1), RFC 7520 (section 4, with the keys of section 3) and RFC 7797 (section 4) are
taken from the tests that jwcrypto carries; RFC 7519 (appendix A) is printed below.

    python3 -m venv v && v/bin/pip install jwcrypto && v/bin/python rfc.py
"""

import base64
import importlib.util
import json
import pathlib

import jwcrypto


def module(name):
    path = pathlib.Path(jwcrypto.__file__).parent / name
    spec = importlib.util.spec_from_file_location(name.replace("-", "_")[:-3], path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


tests, cookbook = module("tests.py"), module("tests-cookbook.py")


def public(key):
    private = {"d", "p", "q", "dp", "dq", "qi"} if key["kty"] != "oct" else set()
    return {name: value for name, value in key.items() if name not in private}


def encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def vector(name, algorithm, key, protected, payload, signature):
    return {"name": name, "alg": algorithm, "jwk": public(key), "input": f"{protected}.{payload}", "signature": signature}


rsa, ec, mac = cookbook.RSA_Public_Key_3_3, cookbook.EC_Public_Key_3_1, cookbook.Symmetric_Key_MAC_3_5
payload = cookbook.Payload_plaintext_b64_4
a4 = tests.A4_example
a6 = json.loads(tests.A6_serialized)
a1_key = tests.SymmetricKeys["keys"][1]

vectors = [
    vector("RFC 7515 A.4", "ES512", tests.A4_key, encode(bytes(tests.A4_protected)), encode(a4["payload"]), encode(a4["signature"])),
    *(
        vector(f"RFC 7515 A.6.{number}", algorithm, key, entry["protected"], a6["payload"], entry["signature"])
        for number, algorithm, key, entry in [
            (1, "RS256", tests.A2_key, a6["signatures"][0]),
            (2, "ES256", tests.A3_key, a6["signatures"][1]),
        ]
    ),
    vector("RFC 7520 4.1", "RS256", rsa, cookbook.JWS_Protected_Header_4_1_2, payload, cookbook.JWS_Signature_4_1_2),
    vector("RFC 7520 4.2", "PS384", rsa, cookbook.JWS_Protected_Header_4_2_2, payload, cookbook.JWS_Signature_4_2_2),
    vector("RFC 7520 4.3", "ES512", ec, cookbook.JWS_Protected_Header_4_3_2, payload, cookbook.JWS_Signature_4_3_2),
    vector("RFC 7520 4.4", "HS256", mac, cookbook.JWS_Protected_Header_4_4_2, payload, cookbook.JWS_Signature_4_4_2),
    # 4.5 signs the same as 4.4, and leaves the payload out of what is sent.
    vector("RFC 7520 4.6", "HS256", mac, cookbook.JWS_Protected_Header_4_6_2, payload, cookbook.JWS_Signature_4_6_2),
    vector("RFC 7520 4.7", "HS256", mac, "", payload, cookbook.JWS_Signature_4_7_2),
    vector("RFC 7520 4.8.2", "RS256", rsa, cookbook.JWS_Protected_Header_4_8_2, payload, cookbook.JWS_Signature_4_8_2),
    vector("RFC 7520 4.8.3", "ES512", ec, "", payload, cookbook.JWS_Signature_4_8_3),
    vector("RFC 7520 4.8.4", "HS256", mac, cookbook.JWS_Protected_Header_4_8_4, payload, cookbook.JWS_Signature_4_8_4),
    vector("RFC 7797 4.1", "HS256", a1_key, "eyJhbGciOiJIUzI1NiJ9", "JC4wMg", "5mvfOroL-g7HyqJoozehmsaqmvTYGEq5jTI1gVvoEoQ"),
]

unencoded = "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19"
unencoded_signature = "A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLPff6dmDY"

refused = {
    "RFC 7515 A.5": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    "RFC 7515 A.6": tests.A6_serialized,
    "RFC 7515 A.7": tests.A7_example,
    "RFC 7519 6.1": "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    "RFC 7519 A.1": "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0."
    "QR1Owv2ug2WyPBnbQrRARTeEk9kDO2w8qDcjiHnSJflSdv1iNqhWXaKH4MqAkQtM"
    "oNfABIPJaZm0HaA415sv3aeuBWnD8J-Ui7Ah6cWafs3ZwwFKDFUUsWHSK-IPKxLG"
    "TkND09XyjORj_CHAgOPJ-Sd8ONQRnJvWn_hXV1BNMHzUjPyYwEsRhDhzjAD26ima"
    "sOTsgruobpYGoQcXUwFDn7moXPRfDE8-NoQX7N7ZYMmpUDkR-Cx9obNGwJQ3nM52"
    "YCitxoQVPzjbl7WBuB7AohdBoZOdZ24WlN1lVIeh8v1K4krB8xgKvRU8kgFrEn_a"
    "1rZgN5TiysnmzTROF869lQ."
    "AxY8DCtDaGlsbGljb3RoZQ."
    "MKOle7UQrG6nSxTLX6Mqwt0orbHvAKeWnDYvpIAeZ72deHxz3roJDXQyhxx0wKaM"
    "HDjUEOKIwrtkHthpqEanSBNYHZgmNOV7sln1Eu9g3J8."
    "fiK51VwhsxJ-siBMR-YFiA",
    "RFC 7519 A.2": "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiY3R5IjoiSldUIn0."
    "g_hEwksO1Ax8Qn7HoN-BVeBoa8FXe0kpyk_XdcSmxvcM5_P296JXXtoHISr_DD_M"
    "qewaQSH4dZOQHoUgKLeFly-9RI11TG-_Ge1bZFazBPwKC5lJ6OLANLMd0QSL4fYE"
    "b9ERe-epKYE3xb2jfY1AltHqBO-PM6j23Guj2yDKnFv6WO72tteVzm_2n17SBFvh"
    "DuR9a2nHTE67pe0XGBUS_TK7ecA-iVq5COeVdJR4U4VZGGlxRGPLRHvolVLEHx6D"
    "YyLpw30Ay9R6d68YCLi9FYTq3hIXPK_-dmPlOUlKvPr1GgJzRoeC9G5qCvdcHWsq"
    "JGTO_z3Wfo5zsqwkxruxwA."
    "UmVkbW9uZCBXQSA5ODA1Mg."
    "VwHERHPvCNcHHpTjkoigx3_ExK0Qc71RMEParpatm0X_qpg-w8kozSjfNIPPXiTB"
    "BLXR65CIPkFqz4l1Ae9w_uowKiwyi9acgVztAi-pSL8GQSXnaamh9kX1mdh3M_TT"
    "-FZGQFQsFhu0Z72gJKGdfGE-OE7hS1zuBD5oEUfk0Dmb0VzWEzpxxiSSBbBAzP10"
    "l56pPfAtrjEYw-7ygeMkwBl6Z_mLS6w6xUgKlvW6ULmkV-uLC4FUiyKECK4e3WZY"
    "Kw1bpgIqGYsw2v_grHjszJZ-_I5uM-9RA8ycX9KqPRp9gc6pXmoU_-27ATs9XCvr"
    "ZXUtK2902AUzqpeEUJYjWWxSNsS-r1TJ1I-FMJ4XyAiGrfmo9hQPcNBYxPz3GQb2"
    "8Y5CLSQfNgKSGt0A4isp1hBUXBHAndgtcslt7ZoQJaKe_nNJgNliWtWpJ_ebuOpE"
    "l8jdhehdccnRMIwAmU1n7SPkmhIl1HlSOpvcvDfhUN5wuqU955vOBvfkBOh5A11U"
    "zBuo2WlgZ6hYi9-e3w29bR0C2-pp3jbqxEDw3iWaf2dc5b-LnR0FEYXvI_tYk5rd"
    "_J9N0mg0tQ6RbpxNEMNoA9QWk5lgdPvbh9BaO195abQ."
    "AVO9iT5AV4CzvDJCdhSFlQ",
    "RFC 7520 4.5": f"{cookbook.JWS_Protected_Header_4_4_2}..{cookbook.JWS_Signature_4_4_2}",
    "RFC 7520 4.6": json.dumps(cookbook.JWS_flattened_4_6_3),
    "RFC 7520 4.7": json.dumps(cookbook.JWS_flattened_4_7_3),
    "RFC 7520 4.8": json.dumps(cookbook.JWS_general_4_8_5),
    "RFC 7797 4.2": f"{unencoded}..{unencoded_signature}",
    # As a server that is not aware of b64 would have to read it.
    "RFC 7797 4.2, payload in place": f"{unencoded}.$.02.{unencoded_signature}",
    "RFC 7797 4.2, payload encoded": f"{unencoded}.JC4wMg.{unencoded_signature}",
}

# Section 3 of RFC 7520 and appendix A of RFC 7517, private keys and all.
keys = {
    "RFC 7517 A.1, EC": tests.PublicKeys["keys"][0],
    "RFC 7517 A.1, RSA": tests.PublicKeys["keys"][1],
    "RFC 7520 3.1": cookbook.EC_Public_Key_3_1,
    "RFC 7520 3.2": cookbook.EC_Private_Key_3_2,
    "RFC 7520 3.3": cookbook.RSA_Public_Key_3_3,
    "RFC 7520 3.4": cookbook.RSA_Private_Key_3_4,
    "RFC 7520 3.5": cookbook.Symmetric_Key_MAC_3_5,
    "RFC 7520 3.6": cookbook.Symmetric_Key_Enc_3_6,
    "RFC 7517 B": tests.Useofx5c,
}

out = {"vectors": vectors, "refused": refused, "keys": keys}
(pathlib.Path(__file__).parent / "rfc.json").write_text(json.dumps(out, indent=1) + "\n")
