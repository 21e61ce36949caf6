//! Connections as filters see them, whatever a proxy says of them.

use crate::FakeHost;
use gatehouse_host::{HostError, Side, Status};
use std::net::SocketAddr;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn addresses() {
    let cases: [(&str, &[u8], Option<&str>); 9] = [
        ("IPv4", b"192.0.2.1:5000", Some("192.0.2.1:5000")),
        ("IPv6", b"[2001:db8::1]:5000", Some("[2001:db8::1]:5000")),
        (
            "IPv4 in IPv6",
            b"[::ffff:192.0.2.1]:5000",
            Some("192.0.2.1:5000"),
        ),
        ("a Unix socket", b"/var/run/socket", None),
        ("an abstract socket", b"@name", None),
        ("no port", b"192.0.2.1", None),
        ("a port too large", b"192.0.2.1:65536", None),
        ("not UTF-8", b"\xff\xfe", None),
        ("nothing", b"", None),
    ];
    let host = FakeHost::default();
    for (name, written, expected) in cases {
        host.connect(address("10.0.0.1:1"), address("10.0.0.2:2"));
        host.property_is("source.address", written);
        host.property_is("destination.address", written);
        let connection = host.connection(7);
        let expected = expected.map(address);
        assert_eq!(connection.source(), Ok(expected), "{name}");
        assert_eq!(connection.destination(), Ok(expected), "{name}");
        assert_eq!(host.call_count(), 2, "{name}");
    }
}

#[test]
fn attributes_are_there_or_not() {
    let host = FakeHost::default();
    host.connect(address("10.0.0.1:1"), address("10.0.0.2:2"));
    let connection = host.connection(7);
    assert_eq!(connection.id().0, 7);
    assert_eq!(connection.source(), Ok(Some(address("10.0.0.1:1"))));
    assert_eq!(connection.destination(), Ok(Some(address("10.0.0.2:2"))));
    let texts = || {
        [
            connection.server_name().unwrap(),
            connection.tls_version().unwrap(),
            connection.certificate_uri().unwrap(),
            connection.certificate_dns_name().unwrap(),
            connection.certificate_digest().unwrap(),
        ]
    };
    assert_eq!(texts(), [const { None }; 5]);
    assert_eq!(connection.has_client_certificate(), Ok(false));
    let names = [
        "requested_server_name",
        "tls_version",
        "uri_san_peer_certificate",
        "dns_san_peer_certificate",
        "sha256_peer_certificate_digest",
    ];
    for name in names {
        host.property_is(&format!("connection.{name}"), "");
    }
    assert_eq!(texts(), [const { None }; 5], "empty is not there");
    for name in names {
        host.property_is(&format!("connection.{name}"), name);
    }
    assert_eq!(texts(), names.map(|name| Some(name.as_bytes().to_vec())));
    for (written, expected) in [
        (&b"\x01"[..], true),
        (b"\0", false),
        (b"", false),
        (b"\x01\0", false),
    ] {
        host.property_is("connection.mtls", written);
        assert_eq!(connection.has_client_certificate(), Ok(expected));
    }
    let status = Status::Code(10);
    host.fail("proxy_get_property", status);
    let error = HostError {
        call: "proxy_get_property",
        status,
    };
    assert_eq!(connection.source(), Err(error));
    assert_eq!(connection.server_name(), Err(error));
    assert_eq!(connection.has_client_certificate(), Err(error));
}

#[test]
fn what_is_left_for_other_filters() {
    let host = FakeHost::default();
    host.connect(address("10.0.0.1:1"), address("10.0.0.2:2"));
    host.connection(7).set_cluster("other").unwrap();
    host.connection(7)
        .set_state("gatehouse.rule", b"all")
        .unwrap();
    assert_eq!(
        host.filter_state("envoy.tcp_proxy.cluster").as_deref(),
        Some("other")
    );
    assert_eq!(
        host.property_value("gatehouse.rule").as_deref(),
        Some(&b"all"[..])
    );
    host.connect(address("10.0.0.1:1"), address("10.0.0.2:2"));
    assert_eq!(host.filter_state("envoy.tcp_proxy.cluster"), None);
    assert_eq!(host.property_value("gatehouse.rule"), None);
}

#[test]
fn ranges_of_data() {
    let host = FakeHost::default();
    for side in [Side::Downstream, Side::Upstream] {
        host.connect(address("10.0.0.1:1"), address("10.0.0.2:2"));
        let data = host.data(side, *b"0123456789", 4, true);
        assert_eq!(
            (data.len(), data.held(), data.fresh(), data.is_last()),
            (10, 4, 6, true)
        );
        let cases: [(usize, usize, &[u8]); 7] = [
            (0, 3, b"012"),
            (4, usize::MAX, b"456789"),
            (9, 1, b"9"),
            (9, 5, b"9"),
            (10, 5, b""),
            (usize::MAX, usize::MAX, b""),
            (0, 0, b""),
        ];
        for (start, most, expected) in cases {
            assert_eq!(data.bytes(start, most).unwrap(), expected, "{start} {most}");
        }
        assert_eq!(host.call_count(), 4, "none for no bytes");
    }
    let none = host.data(Side::Downstream, [], 4, true);
    assert!(none.is_empty());
    assert_eq!((none.held(), none.fresh()), (0, 0));
    // A proxy that says less than it announced.
    let data = host.data(Side::Downstream, *b"0123", 0, false);
    let _less = host.data(Side::Downstream, *b"01", 0, false);
    let error = HostError {
        call: "proxy_get_buffer_bytes",
        status: Status::Malformed,
    };
    assert_eq!(data.bytes(0, 4), Err(error));
}
