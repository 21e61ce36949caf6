//! Tokens and keys that others made: the RFCs' own, and tokens of PyJWT.

/// RFC 7515, appendix A.1: HS256.
pub(crate) const RFC7515_A1_KEY: &str = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;

pub(crate) const RFC7515_A1: &str = r#"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"#;

/// RFC 7515, appendix A.2: RS256.
pub(crate) const RFC7515_A2_KEY: &str = r#"{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#;

pub(crate) const RFC7515_A2: &str = r#"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"#;

/// RFC 7515, appendix A.3: ES256.
pub(crate) const RFC7515_A3_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

pub(crate) const RFC7515_A3: &str = r#"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"#;

/// RFC 8037, appendix A.4: EdDSA.
pub(crate) const RFC8037_A4_KEY: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

pub(crate) const RFC8037_A4: &str = r#"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"#;

/// RFC 7520, section 4.1: RS256.
pub(crate) const RFC7520_4_1_KEY: &str = r#"{"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"}"#;

pub(crate) const RFC7520_4_1: &str = r#"eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"#;

/// RFC 7520, section 4.4: HS256.
pub(crate) const RFC7520_4_4_KEY: &str = r#"{"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256","k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"}"#;

pub(crate) const RFC7520_4_4: &str = r#"eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"#;

/// The keys of the tokens below, which PyJWT 2.15.1 (with cryptography 50.0.2) minted: an RSA key of
/// 2048 bits, P-256, P-384, Ed25519 and 64 octets. The private parts were not kept.
pub(crate) const MINTED_KEYS: &str = r#"{"keys":[{"kty":"RSA","kid":"rsa","n":"taoaO5l6FfSLCM4OVy7X4gv8qh1qeABsZKn3SMql7uNvffwgK-BCKCLEL0dcu6YcxIbVZX9uuQwoQ-GGhZ1jT45LF1xwiN_kLw9GSkdajtjJyp7K0pCqymjXQ-rW2xeZynhntfHUr4QIea9YhTVyWUZfV_dLjl-ZfZKWEsw0mIhFRjDQEm2P2Ox6kYWfQj47WzTBoAGmUImo2dDzIZmM-75nUX2hFDYOTnJ9gpK6sdC0vY96bIY3_SPcBze_wYC4byjVdtxqPqBdUsZUnIjsgYE9aVsT0iJm_wnFOqH6lzR6CGpMB9DUV9rr73Rgbf_qaGeBOS_7HcZxAhn22vBy1w","e":"AQAB"},{"kty":"EC","kid":"p256","crv":"P-256","x":"V1CRWEJmL24oMHFJDpII2c7dT-2drHx_Y9HDjeA-pPA","y":"S2z4jc2j4LRci1nDauqEaBgeYSFMbdlcGFVGZPbX1rg"},{"kty":"EC","kid":"p384","crv":"P-384","x":"2BX7kRGrqv0LELlRg89UX0fGCwDHd1o9CVlBUpF2RDxUPDHjzf-TrcyW0726541F","y":"UFWRRrF-jSwZd2qvdt0CRGiLFe55ydmW4kGc-nkkeniHGAhPppDW7WwHHBeteNZm"},{"kty":"OKP","kid":"ed","crv":"Ed25519","x":"axULzukJUZA84RvhPDaMak5dEZq2RdduD0M2ast9JtI"},{"kty":"oct","kid":"oct","k":"C67IJwNc2xpImdRwgEdijGit5pLG7PO4Io-KE-CpjC8eHSbrypsTWEFUUbC6iMh-IdwGObqX9y9hK7cA6NOT3w"}]}"#;

pub(crate) const MINTED_RS256: &str = r#"eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.Ly6ZwCIE64iSm5LLK4A_A20JgCyydc1y7W2K-wFxqTCDvKTJCH5SsJxtfmE-KXSYG8c6xCdmEPo61iw1mwDiKgUjllf63qRSY3Q-WdxVBv7nN--3oK0dWX44lp87bgrPGEF1MHWxWVQqfMS8f1fsfOsq_Sdn-JS27CPZCAPIzq6rvjYOipFbn7pHuU4M_2zl5suKMG4sG5VtS4EqreRtRRCoVoX8zcr6kHNBSbYZz1Xl1jJxXlPr5fq8MZTZpLooanZYBZ9lerM8fdlWjfEAWUmLmedStxvI4FiGYo6OJKPZ8uBRYuxyXn9oy8zLFCSo0xj5tsZidVrynifnIWy45A"#;

pub(crate) const MINTED_RS384: &str = r#"eyJhbGciOiJSUzM4NCIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.g8pL6aNmuE-mpBzKp3YJfZ-nh7h9sPklh1ycUeQo4cyDN-C8y8YaYULEsL7Dhh0jW9VAu8XEZoxJkb91aXEQ4qdOsDy-YbM007ocgbFCmms26pJHPmErWKBk7kgnh-6iomXW69bXUh3xZGRWyCN2xTpu1vJQb0jY0oeri8pjL78DUJA_RzaIeJ1rWu05TYFpKSwTItjrdlTgGfhkh-uD-auCZVIIbUIINHWAICDW68zT6Q1TgDNopAin3gQY3-AT_7CCZh54pdl5SfmFbJL-C37Mhje0WuABK7RVlQi2E5z7d_I1pHp9J7DQ2jkGea-f4jREKYCYKt21Qyr5dHAbog"#;

pub(crate) const MINTED_RS512: &str = r#"eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.O4bW83JjGVgFauudelAhlQTljoRsb3dQG-aq2PLbdST-i3aM0l6BoVcPbrmS4S0cXimI0FD81lugnJkQbIMWGTaHv6-UC1bzR8f_m74seilDFSdXKRgIiH8qSg_EIzu_cn0w7fOzNaHK4unfuqDHhl3Z8XZCoRxr3eXHWVVPtJXU6iwHqrZxJIQcHKvsIcJRLMkCmFEcXdmVkclg3Krig4dIXdjbvKk1syDI4zsihXMqmjwIWd5j4js_e_NCw3ile9_TLKTbV0zevBMJliXKJPX2D4N4H-5v2guOkzIHjtjvqfyv0NSOzsbRLuKiQsN0jtFr9zvkz57wAeUAFPh09w"#;

pub(crate) const MINTED_ES256: &str = r#"eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.cJEkcV5ZAY7Bq-hcOlIga1kQJkedAByK1RdmdYx08D4wX0pK9ZHsChYePEDTIkDQdRszN6dLoZINGNc3K8usuQ"#;

pub(crate) const MINTED_ES384: &str = r#"eyJhbGciOiJFUzM4NCIsImtpZCI6InAzODQiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.FkoiHCX4uWxoTWDV7kyxezIuYl0aQod5SPc4pFo2YQUHNL0LI0Ln5vunRB8dd4sX9cSvJrij-Obv5Xzi0YdBiQXAGOauQgM0XPVf0SYi_JuVZF1uB8gaNUEpC79Zfgbw"#;

pub(crate) const MINTED_HS256: &str = r#"eyJhbGciOiJIUzI1NiIsImtpZCI6Im9jdCIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.uRY5lgzGMLUS4ea6rxmvCo6RCsszaI0-7hDaksIF1k4"#;

pub(crate) const MINTED_HS384: &str = r#"eyJhbGciOiJIUzM4NCIsImtpZCI6Im9jdCIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.gBVzUUWRrSY-SSHJ33lmqe4P9FIWK4pEF_B6w-F7VTtjD9-9yLAh90VBkk-dvj4h"#;

pub(crate) const MINTED_HS512: &str = r#"eyJhbGciOiJIUzUxMiIsImtpZCI6Im9jdCIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.xGdYfCjCy4E1RzAdDTuoAOAzLHW3ypfhu1fSpwc9KB6zXavCEEzzPTm6n4SYkiNdTF7zUTOtjBDH9ukt8lQifw"#;

pub(crate) const MINTED_EDDSA: &str = r#"eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.4ifjbhY7LKurh87nX2vAKZNPor-np757LHxdVCXmBgf7rmrt_JQLrOpL4PaTngvCaJ_KSQqbj4XrlO-S0XfTBQ"#;

/// Minted likewise, by an algorithm that is not supported.
pub(crate) const MINTED_PS256: &str = r#"eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjpbImFwaSIsIndlYiJdLCJzdWIiOiJhbm4iLCJpYXQiOjE3OTUxMzI4MDAsIm5iZiI6MTc5NTEzMjgwMCwiZXhwIjoxNzk1MTM2NDAwfQ.j6gvQKp4SvCWsvXgs3mFGxzfdrhtZhDi2ImEX4vZJeeMInmvlLs3ndJDQbr2K9t0PCFEvwg3KehukAQ_R2ItZkDHdhnoT_sEhBcbURK7pyI0ApcO5_HSbftP99yiJT710SG4RdfKVkpn2YEZ7UX2WK5ny9YBjapKeD6GaiadV2qF6QJCpSuPTxpwOWN2lz858Eju6WnLao_UwC7m0CkXg5KZ7vhUB2U-qSznf7dhGmbaAGlxqFbJ_QVfPPi7M5YlyvuFDPkAcBbgBZU_GaLXOlW9eXaSZY2girRe06LzcmGYgzmgSL5C3_Eel0DNJRfLaaluyflR0YVF9e-oAyOkCw"#;

/// The public keys and ECDSA signatures above as DER in base64url, by cryptography 50.0.2.
pub(crate) const MINTED_RSA_SPKI: &str = r#"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtaoaO5l6FfSLCM4OVy7X4gv8qh1qeABsZKn3SMql7uNvffwgK-BCKCLEL0dcu6YcxIbVZX9uuQwoQ-GGhZ1jT45LF1xwiN_kLw9GSkdajtjJyp7K0pCqymjXQ-rW2xeZynhntfHUr4QIea9YhTVyWUZfV_dLjl-ZfZKWEsw0mIhFRjDQEm2P2Ox6kYWfQj47WzTBoAGmUImo2dDzIZmM-75nUX2hFDYOTnJ9gpK6sdC0vY96bIY3_SPcBze_wYC4byjVdtxqPqBdUsZUnIjsgYE9aVsT0iJm_wnFOqH6lzR6CGpMB9DUV9rr73Rgbf_qaGeBOS_7HcZxAhn22vBy1wIDAQAB"#;

pub(crate) const MINTED_P256_SPKI: &str = r#"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEV1CRWEJmL24oMHFJDpII2c7dT-2drHx_Y9HDjeA-pPBLbPiNzaPgtFyLWcNq6oRoGB5hIUxt2VwYVUZk9tfWuA"#;

pub(crate) const MINTED_P384_SPKI: &str = r#"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE2BX7kRGrqv0LELlRg89UX0fGCwDHd1o9CVlBUpF2RDxUPDHjzf-TrcyW0726541FUFWRRrF-jSwZd2qvdt0CRGiLFe55ydmW4kGc-nkkeniHGAhPppDW7WwHHBeteNZm"#;

pub(crate) const MINTED_ES256_DER: &str = r#"MEQCIHCRJHFeWQGOwavoXDpSIGtZECZHnQAcitUXZnWMdPA-AiAwX0pK9ZHsChYePEDTIkDQdRszN6dLoZINGNc3K8usuQ"#;

pub(crate) const MINTED_ES384_DER: &str = r#"MGUCMBZKIhwl-LlsaE1g1e5MsXsyLmJdGkKHeUj3OKRaNmEFBzS9CyNC5-b7p0QfHXeLFwIxAPXErya4o_jm7-V84tGHQYkFwBjmrkIDNFz1X9EmIvyblWRdbgfIGjVBKQu_WX4G8A"#;

pub(crate) const MINTED_RSA_PEM: &str = r#"-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtaoaO5l6FfSLCM4OVy7X
4gv8qh1qeABsZKn3SMql7uNvffwgK+BCKCLEL0dcu6YcxIbVZX9uuQwoQ+GGhZ1j
T45LF1xwiN/kLw9GSkdajtjJyp7K0pCqymjXQ+rW2xeZynhntfHUr4QIea9YhTVy
WUZfV/dLjl+ZfZKWEsw0mIhFRjDQEm2P2Ox6kYWfQj47WzTBoAGmUImo2dDzIZmM
+75nUX2hFDYOTnJ9gpK6sdC0vY96bIY3/SPcBze/wYC4byjVdtxqPqBdUsZUnIjs
gYE9aVsT0iJm/wnFOqH6lzR6CGpMB9DUV9rr73Rgbf/qaGeBOS/7HcZxAhn22vBy
1wIDAQAB
-----END PUBLIC KEY-----
"#;
