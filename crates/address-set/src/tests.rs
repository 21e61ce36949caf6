//! Which sets addresses are in, beside a search through all prefixes; and documents of others.

use super::document::{Bad, Terms, read};
use super::*;
use ipnet::IpNet;
use proptest::prelude::*;

fn sets(prefixes: &[(&str, u32)]) -> AddressSets {
    let mut sets = AddressSets::default();
    for (prefix, label) in prefixes {
        let prefix: IpNet = prefix.parse().unwrap();
        sets.insert(prefix.addr(), prefix.prefix_len(), *label);
    }
    sets.finish()
}

fn labels(sets: &AddressSets, address: &str) -> Vec<u32> {
    let labels = sets.labels(address.parse().unwrap());
    (0..300).filter(|label| labels.has(*label)).collect()
}

#[test]
fn which_sets_an_address_is_in() {
    let sets = sets(&[
        ("10.0.0.0/8", 0),
        ("10.1.0.0/16", 1),
        ("10.1.2.3/32", 2),
        ("10.1.2.3/32", 200),
        ("0.0.0.0/0", 3),
        ("2001:db8::/32", 4),
        ("2001:db8:1::/48", 0),
        ("::/0", 5),
        ("::ffff:198.51.100.0/120", 6),
        ("192.168.7.9/16", 7),
    ]);
    let cases: [(&str, &str, &[u32]); 16] = [
        ("in the shortest", "10.200.0.1", &[0, 3]),
        ("in two", "10.1.200.1", &[0, 1, 3]),
        ("in all", "10.1.2.3", &[0, 1, 2, 3, 200]),
        ("beside the longest", "10.1.2.2", &[0, 1, 3]),
        ("in none of them but all", "11.0.0.0", &[3]),
        ("the first", "10.0.0.0", &[0, 3]),
        ("the last", "10.255.255.255", &[0, 3]),
        ("mapped", "::ffff:10.1.2.3", &[0, 1, 2, 3, 200]),
        (
            "mapped, in hexadecimal",
            "::ffff:0a01:0203",
            &[0, 1, 2, 3, 200],
        ),
        ("compatible is not mapped", "::10.1.2.3", &[5]),
        ("NAT64 is not mapped", "64:ff9b::10.1.2.3", &[5]),
        ("IPv6", "2001:db8::1", &[4, 5]),
        ("longer IPv6", "2001:db8:1:2::1", &[0, 4, 5]),
        ("other IPv6", "2001:db9::", &[5]),
        ("a mapped prefix is of IPv4", "198.51.100.77", &[3, 6]),
        (
            "bits after the length don't count",
            "192.168.200.200",
            &[3, 7],
        ),
    ];
    for (name, address, expected) in cases {
        assert_eq!(labels(&sets, address), expected, "{name}");
    }
}

#[test]
fn nothing_in_it() {
    let sets = AddressSets::default().finish();
    assert!(sets.is_empty());
    assert_eq!(labels(&sets, "10.0.0.1"), [0; 0]);
    assert!(sets.labels("::1".parse().unwrap()).is_empty());
}

/// What ten thousand prefixes take, in the worst order there is for a tree: all far from each other.
#[test]
fn ten_thousand_prefixes_are_small() {
    let mut ipv4 = AddressSets::default();
    let mut ipv6 = AddressSets::default();
    for number in 0..10_000_u32 {
        let bits = number.wrapping_mul(2_654_435_769);
        ipv4.insert(IpAddr::from(bits.to_be_bytes()), 32, number % 3);
        let bits = u128::from(bits) << 96 | u128::from(number);
        ipv6.insert(IpAddr::from(bits.to_be_bytes()), 128, number % 3);
    }
    let (ipv4, ipv6) = (ipv4.finish(), ipv6.finish());
    assert_eq!((ipv4.len(), ipv6.len()), (10_000, 10_000));
    assert!(ipv4.bytes() <= 400_100, "{}", ipv4.bytes());
    assert!(ipv6.bytes() <= 640_200, "{}", ipv6.bytes());
}

fn prefix() -> impl Strategy<Value = IpNet> {
    // Few bits vary, so that prefixes cover one another.
    let ipv4 = (any::<u32>(), 0..=32_u8).prop_map(|(bits, length)| {
        let bits = (bits & 0xc000_0003) | 0x0a00_0000;
        IpNet::new(IpAddr::from(bits.to_be_bytes()), length).unwrap()
    });
    let ipv6 = (any::<u128>(), 0..=128_u8).prop_map(|(bits, length)| {
        let bits = (bits & (3 << 126 | 3)) | 0x2001 << 100;
        IpNet::new(IpAddr::from(bits.to_be_bytes()), length).unwrap()
    });
    prop_oneof![ipv4, ipv6]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn as_a_search_through_all(
        prefixes in prop::collection::vec((prefix(), 0..130_u32), 0..40),
        addresses in prop::collection::vec(prefix(), 1..20),
    ) {
        let mut sets = AddressSets::default();
        for (prefix, label) in &prefixes {
            sets.insert(prefix.addr(), prefix.prefix_len(), *label);
        }
        let sets = sets.finish();
        let ours = prefixes.iter().map(|(prefix, _)| prefix.addr());
        for address in addresses.iter().map(IpNet::addr).chain(ours) {
            let labels = sets.labels(address);
            for label in 0..130 {
                let expected = prefixes.iter().any(|(prefix, other)| {
                    *other == label && prefix.contains(&address)
                });
                prop_assert_eq!(labels.has(label), expected, "{} {}", address, label);
            }
        }
    }
}

const STRICT: Terms = Terms {
    most: 4,
    bad: Bad::Refuse,
    may_be_empty: false,
};

#[test]
fn documents() {
    let cases: [(&str, &str, Result<usize, &str>); 23] = [
        ("lines", "10.0.0.0/8\n2001:db8::/32\n", Ok(2)),
        ("without the last newline", "10.0.0.0/8\n192.0.2.1", Ok(2)),
        (
            "CRLF and blanks",
            " 10.0.0.0/8 \r\n\r\n\t192.0.2.1\r\n",
            Ok(2),
        ),
        (
            "comments",
            "# a list\n; of Spamhaus'\n10.0.0.0/8 ; SBL1\n192.0.2.1# why\n",
            Ok(2),
        ),
        ("a mark of byte order", "\u{feff}10.0.0.0/8\n", Ok(1)),
        ("twice", "10.0.0.0/8\n10.0.0.0/8\n", Ok(2)),
        ("mapped", "::ffff:192.0.2.1\n", Ok(1)),
        ("JSON", "[\"10.0.0.0/8\", \" 192.0.2.1 \"]", Ok(2)),
        ("JSON after blanks", "\n [\"10.0.0.0/8\"]\n", Ok(1)),
        (
            "as many as may be",
            "1.1.1.1\n1.1.1.2\n1.1.1.3\n1.1.1.4\n",
            Ok(4),
        ),
        (
            "one more",
            "1.1.1.1\n1.1.1.2\n1.1.1.3\n1.1.1.4\n1.1.1.5\n",
            Err("more than 4 prefixes"),
        ),
        ("nothing", "", Err("no prefix in it")),
        ("comments alone", "# empty today\n", Err("no prefix in it")),
        ("an empty array", "[]", Err("no prefix in it")),
        (
            "a host in it",
            "10.0.0.0/8\nevil.example\n",
            Err("1 bad entry: line 2: \"evil.example\""),
        ),
        (
            "bits after the length",
            "10.0.0.1/8",
            Err("1 bad entry: line 1: \"10.0.0.1/8\""),
        ),
        (
            "a length that is too large",
            "10.0.0.0/33",
            Err("1 bad entry: line 1: \"10.0.0.0/33\""),
        ),
        (
            "a range",
            "10.0.0.0 - 10.0.0.9",
            Err("1 bad entry: line 1: \"10.0.0.0 - 10.0.0.9\""),
        ),
        (
            "a blank that is none, which fuzzing took for one",
            "::f\x0b\n10.0.0.1\u{a0}\n",
            Err("2 bad entries: line 1: \"::f\\u{b}\", line 2: \"10.0.0.1\\u{a0}\""),
        ),
        (
            "many bad ones",
            "a\nb\n10.0.0.0/8\nc\nd\n",
            Err("4 bad entries: line 1: \"a\", line 2: \"b\", line 4: \"c\", …"),
        ),
        ("HTML", "<html>\n", Err("1 bad entry: line 1: \"<html>\"")),
        (
            "an object in JSON",
            "[{\"ip\": 1}]",
            Err("1 bad entry: [0]: \"{\\\"ip\\\":1}\""),
        ),
        ("half of an array", "[\"10.0.0.0/8\"", Err("")),
    ];
    for (name, document, expected) in cases {
        let found = read(document.as_bytes(), STRICT).map(|list| list.addresses.len());
        match (found, expected) {
            (Err(_), Err("")) => {}
            (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{name}"),
        }
    }
}

#[test]
fn what_is_left_out() {
    let skip = Terms {
        bad: Bad::Skip,
        ..STRICT
    };
    let list = read(b"10.0.0.0/8\nx\n\xff\xfe\n", skip).unwrap();
    assert_eq!(list.addresses.len(), 1);
    assert_eq!(
        list.left_out.unwrap(),
        "2 bad entries: line 2: \"x\", line 3: \"\u{fffd}\u{fffd}\""
    );
    assert_eq!(read(b"x\n", skip).unwrap_err(), "no prefix in it");
    let may_be_empty = Terms {
        may_be_empty: true,
        ..STRICT
    };
    assert!(
        read(b"# none\n", may_be_empty)
            .unwrap()
            .addresses
            .is_empty()
    );
    let long = vec![b'x'; 1 << 20];
    assert!(read(&long, STRICT).unwrap_err().len() < 100);
}
