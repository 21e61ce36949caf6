//! Bodies: waited for, too long, not what was signed, and those that do not come.

use super::*;

#[test]
fn a_body_is_what_was_signed() {
    let post = |body: &[u8]| Sent::new("POST", "/").body(body);
    let good = |body: &[u8]| post(body).digested().signed(FULL, &now());
    let other = |sent: Sent, body: &[u8]| sent.body(body);
    let long = vec![b'x'; 1 << 20];
    let longer = vec![b'x'; (1 << 20) + 1];
    let said = |length: &str| good(b"x").with("content-length", length);
    let digest = |value: &str| {
        post(b"x")
            .with("content-digest", value)
            .signed(FULL, &now())
    };
    let bodiless = || {
        let mut sent = post(b"").digested();
        sent.body = None;
        sent
    };
    #[rustfmt::skip]
    let cases: &[(&str, Sent, &str)] = &[
        ("good", good(b"{\"a\": 1}"), "waited: acme"),
        ("any bytes", good(b"\0\xff\r\n"), "waited: acme"),
        ("none of it", good(b""), "waited: acme"),
        ("another", other(good(b"a"), b"b"), "waited: digest_mismatch"),
        ("more", other(good(b"a"), b"ab"), "waited: digest_mismatch"),
        ("less", other(good(b"ab"), b"a"), "waited: digest_mismatch"),
        ("none in place of some", other(good(b"a"), b""), "waited: digest_mismatch"),
        ("exactly the most", good(&long), "waited: acme"),
        ("one more", good(&longer), "waited: body_too_long"),
        ("one more, and it says so", said("1048577"), "body_too_long"),
        ("says the most", said("1048576"), "waited: acme"),
        ("says what is no number", said("x"), "waited: acme"),
        ("no digest", post(b"x").signed(PLAIN, &now()), "signature_coverage"),
        ("a digest that is not covered", post(b"x").digested().signed(PLAIN, &now()), "signature_coverage"),
        ("a digest of another algorithm", digest("md5=:AAAA:"), "digest_mismatch"),
        ("no digest by its form", digest("x y"), "digest_mismatch"),
        ("no body, and a digest of none", bodiless().signed(FULL, &now()), "acme"),
        ("no body, and a digest of some", { let mut sent = good(b"x"); sent.body = None; sent }, "digest_mismatch"),
        ("no body, no digest", Sent::new("POST", "/").signed(PLAIN, &now()), "acme"),
        ("a bad signature is not waited for", good(b"x").set(":path", "/b"), "signature_wrong"),
        ("nor an old one", post(b"x").digested().signed(FULL, ";created=1;keyid=\"k\""), "signature_expired"),
    ];
    for (name, sent, expected) in cases {
        assert_eq!(gate(&rfc9421("")).signed(sent), *expected, "{name}");
    }
}

#[test]
fn a_body_that_need_not_be_signed() {
    let gate = gate(&rfc9421("body: {insecure_unsigned: true}"));
    let of = |nonce: u32| format!("{};nonce=\"{nonce}\"", now());
    let sent = Sent::new("POST", "/").body("x");
    assert_eq!(gate.signed(&sent.clone().signed(PLAIN, &of(1))), "acme");
    // What is signed is held against the body all the same.
    let digested = sent.digested();
    assert_eq!(
        gate.signed(&digested.clone().signed(FULL, &of(2))),
        "waited: acme"
    );
    let other = digested.signed(FULL, &of(3)).body("y");
    assert_eq!(gate.signed(&other), "waited: digest_mismatch");
}

#[test]
fn components_may_ask_for_the_digest_always() {
    let gate = gate(&rfc9421("components: ['@method', content-digest]"));
    let sent = Sent::new("GET", "/").signed(&["@method"], &now());
    assert_eq!(gate.signed(&sent), "signature_coverage");
}

/// The end of a wait: what is said to the client, and once to the operator.
#[test]
fn a_body_that_does_not_come() {
    let gate = gate(&rfc9421("body: {timeout: 2s}"));
    assert_eq!(
        gatehouse_host::HttpFilter::tick_period(&gate.filter),
        Some(Duration::from_millis(500))
    );
    let wait = |arrived: &str| {
        let sent = Sent::new("POST", "/")
            .body("x")
            .digested()
            .signed(FULL, &now());
        let headers = sent.headers.iter();
        gate.host
            .begin(headers.map(|(name, value)| (name.as_str(), value.as_slice())));
        let mut stream = Stream {
            exchange: Exchange::new(StreamId(7), false),
            memo: Memo::default(),
        };
        let verdict = gate.ask(&mut stream).unwrap();
        let until = gate.host_now().after(Duration::from_secs(2));
        assert_eq!(
            verdict,
            Verdict::WaitForBody {
                most: 1 << 20,
                until
            }
        );
        gate.host.advance(Duration::from_secs(2));
        gate.host.body_is(arrived);
        stream.exchange.end_wait();
        let verdict = gate.ask(&mut stream).unwrap();
        gate.named(verdict)
    };
    let line = "Error: auth: webhooks: not a byte of a request's body came in time: does the Envoy configuration of this plugin have \"allow_on_headers_stop_iteration: true\"? Without it, bodies cannot be waited for";
    // A client that stalls.
    assert_eq!(wait("x"), "wait_timeout");
    assert_eq!(gate.host.log_lines(), Vec::<String>::new());
    assert_eq!(wait(""), "wait_timeout");
    assert_eq!(wait(""), "wait_timeout");
    assert_eq!(gate.host.log_lines(), [line]);
    // A body comes: said anew when they stop coming.
    let sent = Sent::new("POST", "/")
        .body("x")
        .digested()
        .signed(FULL, &now());
    assert_eq!(gate.signed(&sent), "waited: acme");
    assert_eq!(wait(""), "wait_timeout");
    assert_eq!(gate.host.log_lines(), [line, line]);
}

/// Where too many requests wait, the filter is asked for the last time at once: no setting is to blame.
#[test]
fn a_wait_that_is_refused() {
    let gate = gate(&rfc9421(""));
    let sent = Sent::new("POST", "/")
        .body("x")
        .digested()
        .signed(FULL, &now());
    let headers = sent.headers.iter();
    gate.host
        .begin(headers.map(|(name, value)| (name.as_str(), value.as_slice())));
    let mut stream = Stream {
        exchange: Exchange::new(StreamId(7), false),
        memo: Memo::default(),
    };
    gate.ask(&mut stream).unwrap();
    stream.exchange.end_wait();
    let verdict = gate.ask(&mut stream).unwrap();
    assert_eq!(gate.named(verdict), "wait_timeout");
    assert_eq!(gate.host.log_lines(), Vec::<String>::new());
}

#[test]
fn a_host_that_fails() {
    let sent = Sent::new("POST", "/")
        .body("x")
        .digested()
        .signed(FULL, &now());
    let gate = gate(&rfc9421(""));
    gate.host
        .fail("proxy_get_buffer_bytes", gatehouse_host::Status::Code(1));
    let headers = sent.headers.iter();
    gate.host
        .begin(headers.map(|(name, value)| (name.as_str(), value.as_slice())));
    let mut stream = Stream {
        exchange: Exchange::new(StreamId(7), false),
        memo: Memo::default(),
    };
    gate.ask(&mut stream).unwrap();
    stream.exchange.body_is(Body::Complete(1));
    assert!(gate.ask(&mut stream).is_err());
    // Fewer bytes than the body has.
    gate.host.heal("proxy_get_buffer_bytes");
    gate.host.body_is("");
    assert!(gate.ask(&mut stream).is_err());
}

impl Gate {
    fn host_now(&self) -> Timestamp {
        gatehouse_host::Clock::now(&self.host).unwrap()
    }
}
