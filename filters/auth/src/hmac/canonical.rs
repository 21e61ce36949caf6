//! `canonical`: a string of parts of the request, spelled out.

use gatehouse_config::{Context, HeaderName, NonEmpty, keywords, object, one_of};
use gatehouse_webhook_signature::{
    Canonical, CanonicalConfig, Encoding, MacAlgorithm, Nonce, Part, Time, Unit,
};

object! {
    /// The shape of the option.
    pub(super) struct RawCanonical {
        parts: NonEmpty<RawPart>,
        separator: String = "\n".to_owned(),
        algorithm: RawAlgorithm = RawAlgorithm::Sha256,
        encoding: RawEncoding = RawEncoding::Hex,
        signature: RawSignature,
        timestamp: Option<RawTime>,
        nonce: Option<RawHeader>,
        key_id: Option<RawHeader>,
    }
}

one_of! {
    enum RawPart {
        Method = "method",
        Path = "path",
        Query = "query",
        Target = "target",
        Authority = "authority",
        Header(HeaderName) = "header",
        Body = "body",
        BodySha256 = "body_sha256",
        Timestamp = "timestamp",
        Nonce = "nonce",
        Text(String) = "text",
    }
}

keywords! {
    enum RawAlgorithm {
        Sha256 = "sha256",
        Sha512 = "sha512",
        InsecureSha1 = "insecure_sha1",
    }
}

keywords! {
    enum RawEncoding {
        Hex = "hex",
        Base64 = "base64",
        Base64Url = "base64url",
    }
}

object! {
    struct RawSignature {
        header: HeaderName,
        prefix: String = String::new(),
    }
}

keywords! {
    enum RawUnit {
        Seconds = "s",
        Milliseconds = "ms",
    }
}

object! {
    struct RawTime {
        header: HeaderName,
        unit: RawUnit = RawUnit::Seconds,
    }
}

object! {
    struct RawHeader {
        header: HeaderName,
    }
}

/// A scheme that is sound.
pub(super) struct Spelled {
    pub(super) canonical: Canonical,
    /// All headers that it reads, that of the signature first.
    pub(super) headers: Vec<HeaderName>,
    pub(super) key_id: Option<HeaderName>,
    pub(super) has_time: bool,
    pub(super) has_nonce: bool,
    pub(super) signs_body: bool,
}

impl RawCanonical {
    /// The scheme, where it is sound. Stands under its key.
    pub(super) fn check(self, context: &mut Context<'_>) -> Option<Spelled> {
        let before = context.problem_count();
        let mut headers = vec![self.signature.header.clone()];
        // One header cannot be two things.
        let named = [
            (
                "timestamp",
                self.timestamp.as_ref().map(|time| &time.header),
            ),
            ("nonce", self.nonce.as_ref().map(|nonce| &nonce.header)),
            ("key_id", self.key_id.as_ref().map(|key| &key.header)),
        ];
        for (field, header) in named {
            let Some(header) = header else { continue };
            if headers.contains(header) {
                context.at_key(field, |context| {
                    context.at_key("header", |context| {
                        context.problem::<()>(format!("{header} has another meaning already"))
                    })
                });
            }
            headers.push(header.clone());
        }
        let mut signs_body = false;
        let mut parts = Vec::with_capacity(self.parts.0.len());
        for part in self.parts.0 {
            signs_body |= matches!(part, RawPart::Body | RawPart::BodySha256);
            parts.push(match part {
                RawPart::Method => Part::Method,
                RawPart::Path => Part::Path,
                RawPart::Query => Part::Query,
                RawPart::Target => Part::Target,
                RawPart::Authority => Part::Authority,
                RawPart::Header(name) => {
                    let part = Part::Header(name.to_string());
                    if !headers.contains(&name) {
                        headers.push(name);
                    }
                    part
                }
                RawPart::Body => Part::Body,
                RawPart::BodySha256 => Part::BodySha256Hex,
                RawPart::Timestamp => Part::Timestamp,
                RawPart::Nonce => Part::Nonce,
                RawPart::Text(text) => Part::Text(text),
            });
        }
        let (has_time, has_nonce) = (self.timestamp.is_some(), self.nonce.is_some());
        let canonical = Canonical::new(CanonicalConfig {
            parts,
            separator: self.separator,
            algorithm: match self.algorithm {
                RawAlgorithm::Sha256 => MacAlgorithm::HmacSha256,
                RawAlgorithm::Sha512 => MacAlgorithm::HmacSha512,
                RawAlgorithm::InsecureSha1 => MacAlgorithm::InsecureHmacSha1,
            },
            encoding: match self.encoding {
                RawEncoding::Hex => Encoding::Hex,
                RawEncoding::Base64 => Encoding::Base64,
                RawEncoding::Base64Url => Encoding::Base64Url,
            },
            signature_header: self.signature.header.to_string(),
            signature_prefix: self.signature.prefix,
            time: self.timestamp.map(|time| Time {
                header: time.header.to_string(),
                unit: match time.unit {
                    RawUnit::Seconds => Unit::Seconds,
                    RawUnit::Milliseconds => Unit::Milliseconds,
                },
            }),
            nonce: self.nonce.map(|nonce| Nonce {
                header: nonce.header.to_string(),
            }),
        });
        let canonical = match canonical {
            Ok(canonical) => Some(canonical),
            Err(errors) => {
                for error in errors {
                    context.problem::<()>(error.to_string());
                }
                None
            }
        };
        if context.problem_count() > before {
            return None;
        }
        Some(Spelled {
            canonical: canonical?,
            headers,
            key_id: self.key_id.map(|key| key.header),
            has_time,
            has_nonce,
            signs_body,
        })
    }
}
