use super::*;
use crate::message::{Headers, clock, secrets};
use crate::{Secret, Verified};

fn config(parts: Vec<Part>, separator: &str) -> CanonicalConfig {
    CanonicalConfig {
        time: parts.contains(&Part::Timestamp).then(|| Time {
            header: "X-Timestamp".to_owned(),
            unit: Unit::Seconds,
        }),
        nonce: parts.contains(&Part::Nonce).then(|| Nonce {
            header: "X-Nonce".to_owned(),
        }),
        parts,
        separator: separator.to_owned(),
        algorithm: MacAlgorithm::HmacSha256,
        encoding: Encoding::Hex,
        signature_header: "X-Signature".to_owned(),
        signature_prefix: String::new(),
    }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn header(name: &str) -> Part {
    Part::Header(name.to_owned())
}

fn request<'r>(target: &'r str, fields: &'r dyn Fields) -> Request<'r> {
    Request {
        method: b"POST",
        authority: b"api.example.com",
        target: target.as_bytes(),
        fields,
    }
}

/// What is signed, or why nothing is.
fn signed(scheme: &Canonical, request: &Request<'_>, body: &[u8]) -> Result<String, Refusal> {
    let pending = scheme.read(request, &clock(1000))?;
    let mut text = Vec::new();
    for piece in &pending.pieces {
        match piece {
            Piece::Bytes(bytes) => text.extend_from_slice(bytes),
            Piece::Body => text.extend_from_slice(body),
            Piece::BodySha256Hex => text.extend_from_slice(b"<digest>"),
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The example of Slack's documentation on verifying requests.
#[test]
fn slack() {
    let mut config = config(vec![text("v0"), Part::Timestamp, Part::Body], ":");
    config.signature_header = "X-Slack-Signature".to_owned();
    config.signature_prefix = "v0=".to_owned();
    config.time = Some(Time {
        header: "X-Slack-Request-Timestamp".to_owned(),
        unit: Unit::Seconds,
    });
    let scheme = Canonical::new(config).unwrap();
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let signature = b"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let headers: [(&str, &[u8]); 2] = [
        ("x-slack-request-timestamp", b"1531420618"),
        ("x-slack-signature", signature),
    ];
    let fields = Headers(&headers);
    let keys = secrets(&["8f742231b10e8888abcd99yyyzzz85a5"]);
    let pending = scheme.read(&request("/", &fields), &clock(1_531_420_618));
    let pending = pending.unwrap();
    let verified = pending.verify(body.as_bytes(), &keys);
    assert_eq!(verified.unwrap().timestamp, Some(1_531_420_618));
    let forged = pending.verify(b"token=", &keys);
    assert_eq!(forged, Err(Refusal::Mismatch));
}

/// Computed with Python's `hmac`.
#[test]
fn every_part_sha512_and_base64url() {
    let mut config = config(
        vec![
            Part::Method,
            Part::Path,
            Part::Query,
            Part::Authority,
            header("Content-Type"),
            Part::Timestamp,
            Part::Nonce,
            Part::BodySha256Hex,
        ],
        "\n",
    );
    config.algorithm = MacAlgorithm::HmacSha512;
    config.encoding = Encoding::Base64Url;
    config.time = config.time.map(|time| Time {
        unit: Unit::Milliseconds,
        ..time
    });
    let scheme = Canonical::new(config).unwrap();
    let signature =
        b"4q8pBlY0Kqvbo7lpIJNBSXoi0HjHL6CkE_zDZegl5eyMeDx3cpiKZNWI3VeH899AdVhRf_iUMRLSufhBh-pccg";
    let headers: [(&str, &[u8]); 4] = [
        ("content-type", b"application/json"),
        ("x-timestamp", b"1795132800123"),
        ("x-nonce", b"n-1"),
        ("x-signature", signature),
    ];
    let fields = Headers(&headers);
    let pending = scheme.read(
        &request("/v1/items?b=2&a=1", &fields),
        &clock(1_795_132_800),
    );
    let pending = pending.unwrap();
    assert!(pending.needs_body());
    let keys = secrets(&["kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"]);
    let verified = pending.verify(b"{}", &keys).unwrap();
    assert_eq!(verified.timestamp, Some(1_795_132_800));
    assert_eq!(pending.verify(b"{ }", &keys), Err(Refusal::Mismatch));
    let other = scheme.read(
        &request("/v1/items?b=2&a=2", &fields),
        &clock(1_795_132_800),
    );
    assert_eq!(other.unwrap().verify(b"{}", &keys), Err(Refusal::Mismatch));
}

/// A fixed address and the body, as Square signs; with SHA-1, as it once did.
#[test]
fn sha1_without_a_separator() {
    let mut config = config(vec![text("https://example.com/hook"), Part::Body], "");
    config.algorithm = MacAlgorithm::InsecureHmacSha1;
    config.encoding = Encoding::Base64;
    let scheme = Canonical::new(config).unwrap();
    let headers: [(&str, &[u8]); 1] = [("x-signature", b"zC/45Ae6GQK98qLzj3SgebO2Ai4=")];
    let fields = Headers(&headers);
    let pending = scheme.read(&request("/hook", &fields), &clock(0)).unwrap();
    assert!(pending.verify(b"{}", &secrets(&["legacy"])).is_ok());
}

#[test]
fn schemes_that_are_not_sound() {
    use CanonicalError::*;
    let no_name = |name: &str| NotAHeaderName(name.to_owned());
    let with = |change: fn(&mut CanonicalConfig)| {
        let mut config = config(vec![Part::Timestamp, Part::Nonce, Part::Body], "\n");
        change(&mut config);
        config
    };
    #[rustfmt::skip]
    let cases: Vec<(&str, CanonicalConfig, Vec<CanonicalError>)> = vec![
        ("sound", with(|_| ()), vec![]),
        ("a body alone needs no separator", config(vec![Part::Body], ""), vec![]),
        ("fixed texts need no separator", config(vec![text("a"), Part::Body, text("b")], ""), vec![]),
        ("fixed texts may have the separator", config(vec![text("a.b"), Part::Body], "."), vec![]),
        ("a separator of two bytes", config(vec![Part::Method, Part::Body], "\r\n"), vec![]),
        ("nothing", config(vec![], "\n"), vec![NothingSigned]),
        ("a text only", config(vec![text("a")], "\n"), vec![NothingSigned]),
        ("the time only", config(vec![Part::Timestamp], "\n"), vec![NothingSigned]),
        ("nonce and time only", config(vec![Part::Nonce, Part::Timestamp], "\n"), vec![NothingSigned]),
        ("no separator", config(vec![Part::Timestamp, Part::Body], ""), vec![NoSeparator]),
        ("no separator, a text between", config(vec![Part::Path, text("."), Part::Body], ""), vec![NoSeparator]),
        ("a digit", config(vec![Part::Timestamp, Part::Body], "0"), vec![UnsafeSeparator]),
        ("a letter", config(vec![Part::Timestamp, Part::Body], "-x-"), vec![UnsafeSeparator]),
        ("not ASCII", config(vec![Part::Timestamp, Part::Body], "\u{b7}"), vec![UnsafeSeparator]),
        ("two bodies", config(vec![Part::Body, Part::Body], "\n"), vec![BodyTwice]),
        ("body and digest", config(vec![Part::Body, Part::BodySha256Hex], "\n"), vec![BodyTwice]),
        ("a time that is not signed", with(|config| { config.parts.remove(0); }), vec![TimeNotSigned]),
        ("a time without a header", with(|config| config.time = None), vec![NoTimeHeader]),
        ("a nonce that is not signed", with(|config| { config.parts.remove(1); }), vec![NonceNotSigned]),
        ("a nonce without a header", with(|config| config.nonce = None), vec![NoNonceHeader]),
        ("itself", config(vec![header("x-SIGNATURE"), Part::Body], "\n"), vec![SignsItself]),
        ("no name", config(vec![header(""), Part::Body], "\n"), vec![no_name("")]),
        ("a pseudo-header", config(vec![header(":path"), Part::Body], "\n"), vec![no_name(":path")]),
        ("everything", {
            let mut config = config(vec![Part::Timestamp], "a");
            config.signature_header = "a b".to_owned();
            config.time = None;
            config
        }, vec![NothingSigned, UnsafeSeparator, NoTimeHeader, no_name("a b")]),
    ];
    for (name, config, expected) in cases {
        let problems = Canonical::new(config).err().unwrap_or_default();
        assert_eq!(problems, expected, "{name}");
    }
}

#[test]
fn parts_are_taken_as_they_are_received() {
    let parts = vec![
        Part::Method,
        Part::Path,
        Part::Query,
        Part::Target,
        Part::Authority,
        header("X-A"),
        text("t"),
        Part::BodySha256Hex,
    ];
    let scheme = Canonical::new(config(parts, "\n")).unwrap();
    let zero = "0".repeat(64);
    let headers: [(&str, &[u8]); 2] = [("x-signature", zero.as_bytes()), ("x-a", b" a\tb ")];
    let fields = Headers(&headers);
    #[rustfmt::skip]
    let cases = [
        ("/", "POST\n/\n\n/\napi.example.com\na\tb\nt\n<digest>"),
        ("/a?", "POST\n/a\n\n/a?\napi.example.com\na\tb\nt\n<digest>"),
        ("//A/../%2e?b?c=%20", "POST\n//A/../%2e\nb?c=%20\n//A/../%2e?b?c=%20\napi.example.com\na\tb\nt\n<digest>"),
    ];
    for (target, expected) in cases {
        let text = signed(&scheme, &request(target, &fields), b"");
        assert_eq!(text.unwrap(), expected);
    }
}

#[test]
fn requests_that_are_refused() {
    use Refusal::*;
    let parts = vec![
        Part::Timestamp,
        Part::Nonce,
        header("x-a"),
        Part::Path,
        Part::Body,
    ];
    let scheme = Canonical::new(config(parts, ".")).unwrap();
    let zero = "0".repeat(64);
    let long = "n".repeat(257);
    let good: [(&str, &[u8]); 4] = [
        ("x-signature", zero.as_bytes()),
        ("x-timestamp", b"1000"),
        ("x-nonce", b"n"),
        ("x-a", b"a"),
    ];
    #[rustfmt::skip]
    let cases: &[(&str, &str, Option<&[u8]>, Refusal)] = &[
        ("no signature", "x-signature", None, Missing),
        ("a short signature", "x-signature", Some(b"00"), SignatureMalformed),
        ("no digits", "x-signature", Some(b"sha256=00"), SignatureMalformed),
        ("no time", "x-timestamp", None, TimestampMissing),
        ("an old time", "x-timestamp", Some(b"699"), TimestampTooOld),
        ("a time to come", "x-timestamp", Some(b"1301"), TimestampInFuture),
        ("a time with a fraction", "x-timestamp", Some(b"1000.0"), TimestampMalformed),
        ("no nonce", "x-nonce", None, NonceMissing),
        ("an empty nonce", "x-nonce", Some(b""), NonceMalformed),
        ("a long nonce", "x-nonce", Some(long.as_bytes()), NonceMalformed),
        ("a nonce with the separator", "x-nonce", Some(b"n.a"), PartHasSeparator),
        ("no header", "x-a", None, HeaderMissing),
        ("a header with the separator", "x-a", Some(b"a."), PartHasSeparator),
        ("a header with a new line", "x-a", Some(b"a\nb"), HeaderMalformed),
        ("a header that is not UTF-8", "x-a", Some(b"\xff"), HeaderMalformed),
    ];
    for (name, changed, value, expected) in cases {
        let mut headers = good.to_vec();
        headers.retain(|(name, _)| name != changed);
        headers.extend(value.map(|value| (*changed, value)));
        let refused = signed(&scheme, &request("/", &Headers(&headers)), b"");
        assert_eq!(refused, Err(*expected), "{name}");
    }
    for header in good {
        let twice = [good.as_slice(), &[header]].concat();
        let refused = signed(&scheme, &request("/", &Headers(&twice)), b"");
        assert_eq!(refused, Err(HeaderRepeated), "{}", header.0);
    }
    // The body may have the separator, the path before it may not.
    let fields = Headers(&good);
    let text = signed(&scheme, &request("/a", &fields), b"1.2.3");
    assert_eq!(text.unwrap(), "1000.n.a./a.1.2.3");
    let refused = signed(&scheme, &request("/a.b", &fields), b"");
    assert_eq!(refused, Err(PartHasSeparator));
    for target in ["/a\nb", "/a\0", "/\u{e4}"] {
        let refused = signed(&scheme, &request(target, &fields), b"");
        assert_eq!(refused, Err(PartMalformed), "{target:?}");
    }
}

#[test]
fn the_open_part() {
    let zero = "0".repeat(64);
    let headers: [(&str, &[u8]); 2] = [("x-signature", zero.as_bytes()), ("x-a", b"a/b")];
    let fields = Headers(&headers);
    let signed = |parts: Vec<Part>, target: &str| {
        let scheme = Canonical::new(config(parts, "/")).unwrap();
        signed(&scheme, &request(target, &fields), b"x/y")
    };
    let (path, query, body) = (Part::Path, Part::Query, Part::Body);
    let refused = Err(Refusal::PartHasSeparator);
    assert_eq!(
        signed(vec![Part::Method, path.clone()], "/a/b").unwrap(),
        "POST//a/b"
    );
    assert_eq!(
        signed(vec![Part::Method, Part::Target], "/a?b/c").unwrap(),
        "POST//a?b/c"
    );
    assert_eq!(
        signed(vec![query.clone(), body.clone()], "/?a").unwrap(),
        "a/x/y"
    );
    assert_eq!(signed(vec![query.clone(), body.clone()], "/?a/b"), refused);
    assert_eq!(signed(vec![path.clone(), query], "/?a"), refused);
    assert_eq!(signed(vec![path, body], "/"), refused);
    assert_eq!(signed(vec![header("x-a")], "/"), refused);
}

/// Nothing can be moved from one part to the next.
#[test]
fn parts_do_not_run_into_each_other() {
    let parts = vec![
        Part::Method,
        Part::Path,
        Part::Query,
        header("x-a"),
        Part::Body,
    ];
    let scheme = Canonical::new(config(parts, "\n")).unwrap();
    let zero = "0".repeat(64);
    let mut seen = std::collections::HashSet::new();
    let mut count = 0;
    for target in ["/", "/?", "/a", "/?a", "/a?a", "/aa", "/?aa"] {
        for value in ["", "a", "aa", "a a"] {
            for body in ["", "a", "a\na", "\n", "\na", "a\n"] {
                let headers: [(&str, &[u8]); 2] =
                    [("x-signature", zero.as_bytes()), ("x-a", value.as_bytes())];
                let text = signed(
                    &scheme,
                    &request(target, &Headers(&headers)),
                    body.as_bytes(),
                );
                seen.insert(text.unwrap());
                count += 1;
            }
        }
    }
    // `/` and `/?` have the same path and the same query.
    assert_eq!(seen.len(), count - 4 * 6);
}

#[test]
fn a_scheme_without_a_body() {
    let scheme = Canonical::new(config(vec![Part::Method, Part::Path], "\n")).unwrap();
    let zero = "0".repeat(64);
    let headers = [("x-signature", zero.as_bytes())];
    let fields = Headers(&headers);
    let pending = scheme.read(&request("/", &fields), &clock(0)).unwrap();
    assert!(!pending.needs_body());
    let secret = Secret::new(b"s").unwrap();
    let verified: Result<Verified, _> = pending.verify(b"any", &[secret]);
    assert_eq!(verified, Err(Refusal::Mismatch));
}
