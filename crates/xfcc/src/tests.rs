use super::*;

const HASH: &str = "468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";

fn some<'h>(
    hash: bool,
    subject: Option<&'h str>,
    uris: &[&'h str],
    dns: &[&'h str],
) -> Element<'h> {
    Element {
        hash: hash.then(|| digest(HASH).unwrap()),
        subject,
        uris: uris.to_vec(),
        dns: dns.to_vec(),
    }
}

#[test]
fn headers() {
    let cases = [
        // The examples of Envoy's documentation.
        (
            "one certificate with a URI",
            format!(
                "By=http://frontend.lyft.com;Hash={HASH};Subject=\"/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client\";URI=http://testclient.lyft.com"
            ),
            vec![some(
                true,
                Some("/C=US/ST=CA/L=San Francisco/OU=Lyft/CN=Test Client"),
                &["http://testclient.lyft.com"],
                &[],
            )],
        ),
        (
            "two certificates",
            format!(
                "By=http://frontend.lyft.com;Hash={HASH};URI=http://testclient.lyft.com,By=http://backend.lyft.com;Hash={HASH};URI=http://frontend.lyft.com"
            ),
            vec![
                some(true, None, &["http://testclient.lyft.com"], &[]),
                some(true, None, &["http://frontend.lyft.com"], &[]),
            ],
        ),
        (
            "a URI and DNS names",
            format!(
                "By=http://frontend.lyft.com;Hash={HASH};Subject=\"/C=US\";URI=http://testclient.lyft.com;DNS=lyft.com;DNS=www.lyft.com"
            ),
            vec![some(
                true,
                Some("/C=US"),
                &["http://testclient.lyft.com"],
                &["lyft.com", "www.lyft.com"],
            )],
        ),
        (
            "a space after the comma",
            "URI=a, URI=b".to_owned(),
            vec![
                some(false, None, &["a"], &[]),
                some(false, None, &["b"], &[]),
            ],
        ),
        (
            "blanks around",
            " \tURI=a\t ,  DNS=b ".to_owned(),
            vec![
                some(false, None, &["a"], &[]),
                some(false, None, &[], &["b"]),
            ],
        ),
        (
            "any case",
            "uri=a;dNs=b;SUBJECT=c".to_owned(),
            vec![some(false, Some("c"), &["a"], &["b"])],
        ),
        (
            "several of those of which there may be",
            "URI=a;URI=b;By=x;By=y".to_owned(),
            vec![some(false, None, &["a", "b"], &[])],
        ),
        (
            "empty values",
            format!("By=;Hash={HASH};Subject=\"\";URI=;DNS="),
            vec![some(true, None, &[], &[])],
        ),
        (
            "all empty",
            "Hash=".to_owned(),
            vec![some(false, None, &[], &[])],
        ),
        (
            "keys of later",
            "Serial=\"1,2;3\";URI=a".to_owned(),
            vec![some(false, None, &["a"], &[])],
        ),
        (
            "separators in quotes",
            "Subject=\"CN=a\\,b;c,URI=x\";URI=y".to_owned(),
            vec![some(false, Some("CN=a\\,b;c,URI=x"), &["y"], &[])],
        ),
        (
            "a quote in quotes",
            "Subject=\"CN=\\\"a\\\"\";URI=y".to_owned(),
            vec![some(false, Some("CN=\\\"a\\\""), &["y"], &[])],
        ),
        (
            "a backslash at the end",
            "Subject=\"CN=a\\\\\";URI=y".to_owned(),
            vec![some(false, Some("CN=a\\\\"), &["y"], &[])],
        ),
        (
            "an equals sign in a URI",
            "URI=https://a/?b=c".to_owned(),
            vec![some(false, None, &["https://a/?b=c"], &[])],
        ),
        (
            "quotes where none are needed",
            "URI=\"a\";DNS=\"b\"".to_owned(),
            vec![some(false, None, &["a"], &["b"])],
        ),
        (
            "UTF-8",
            "Subject=\"CN=é\"".to_owned(),
            vec![some(false, Some("CN=é"), &[], &[])],
        ),
        (
            "a certificate",
            "Cert=\"-----BEGIN%20CERTIFICATE-----%0A\";Chain=\"x\"".to_owned(),
            vec![some(false, None, &[], &[])],
        ),
    ];
    for (name, header, expected) in cases {
        assert_eq!(parse(header.as_bytes()), Ok(expected), "{name}: {header}");
    }
}

#[test]
fn malformed() {
    let long = format!("URI={}", "a".repeat(MAX_BYTES));
    let nearly = HASH.split_at(63).0;
    let cases: &[(&str, &[u8])] = &[
        ("empty", b""),
        ("blank", b" "),
        ("no pair", b"spiffe://a"),
        ("no key", b"=a"),
        ("no key after one", b"URI=a;=b"),
        ("a key with a blank", b"URI =a"),
        ("a blank after a semicolon", b"URI=a; DNS=b"),
        ("a blank before a semicolon", b"URI=a ;DNS=b"),
        ("a blank before a quote", b"Subject= \"a\""),
        ("a blank in a value", b"URI=a b"),
        ("a key that is quoted", b"\"URI\"=a"),
        ("a semicolon at the end", b"URI=a;"),
        ("a comma at the end", b"URI=a,"),
        ("a comma in front", b",URI=a"),
        ("two commas", b"URI=a,,URI=b"),
        ("two semicolons", b"URI=a;;URI=b"),
        ("a quote that does not end", b"Subject=\"a"),
        ("a quote that is escaped", b"Subject=\"a\\\""),
        ("after a quote", b"Subject=\"a\"b;URI=c"),
        ("a blank after a quote, and more", b"Subject=\"a\" ;URI=c"),
        ("a quote within", b"URI=a\"b\""),
        (
            "Envoy's subject, escaped once more",
            b"Subject=\"CN=a\\\\\"b\"",
        ),
        ("two subjects", b"Subject=\"a\";subject=\"b\""),
        ("two subjects, one empty", b"Subject=\"\";Subject=\"b\""),
        ("two certificates in one", b"Cert=\"a\";Cert=\"b\""),
        ("two chains in one", b"Chain=\"a\";Chain=\"b\""),
        ("a hash that is none", b"Hash=abc"),
        (
            "a hash that is too short",
            &[b"Hash=", nearly.as_bytes()].concat(),
        ),
        (
            "a hash with another letter",
            &[b"Hash=", nearly.as_bytes(), b"g"].concat(),
        ),
        (
            "two hashes",
            &[b"Hash=", HASH.as_bytes(), b";Hash=", HASH.as_bytes()].concat(),
        ),
        ("line break", b"URI=a\r\n"),
        ("NUL", b"URI=a\0b"),
        ("escape of C1", "URI=a\u{9b}".as_bytes()),
        ("no UTF-8", b"URI=\xff"),
        ("good, then bad", b"URI=a,b"),
        ("too long", long.as_bytes()),
    ];
    for (name, header) in cases {
        assert_eq!(parse(header), Err(Malformed), "{name}");
    }
}

#[test]
fn many_elements_take_no_longer_than_their_bytes() {
    let header = "URI=a,".repeat(MAX_BYTES / 6 - 1) + "DNS=b";
    let elements = parse(header.as_bytes()).unwrap();
    assert_eq!(elements.len(), MAX_BYTES / 6);
    assert_eq!(elements.last().unwrap().dns, ["b"]);
}
