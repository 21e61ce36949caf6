//! Users and their passwords.

mod limits;
mod mistakes;

use super::*;
use base64ct::{Base64, Encoding as _};
use gatehouse_host::{Status, Timestamp};
use gatehouse_host_fake::Shared;
use std::time::Duration;

/// One of each scheme, of the password `correct horse`, made by others (`crates/password`).
const ONE_OF_EACH: [(&str, &str); 9] = [
    (
        "bcrypt",
        "$2y$05$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2",
    ),
    (
        "argon2id",
        "$argon2id$v=19$m=64,t=2,p=2$4yDV2NctoY236lAbgVSo5A$TQMKo+4nylDAsflT7xQ3IT0zg+CT6AylBcf8VB7o7+0",
    ),
    (
        "argon2i",
        "$argon2i$v=19$m=64,t=2,p=2$WMuTXtEBgbOvPmCcXSghEQ$WM8jVjaR8i2vl25cqfGTV1E7UWtJuZ4WObDhgIXu+gs",
    ),
    (
        "argon2d",
        "$argon2d$v=19$m=64,t=2,p=2$PAK2aOlKjovCGydojWKIfg$VlsmKLGd1dx/sUIl0BYkL7WusPnPebzFDpwxXV7AoWA",
    ),
    (
        "pbkdf2",
        "$pbkdf2-sha256$1000$qFXK2TtnbE2JcU7JubdWSg$/4Z0lOSfF6rxoV/u0J5Qmzg7QvnQLxW6wtFpilXdHSI",
    ),
    (
        "sha256",
        "$5$rounds=1000$bXfQ4Jfin/JDlb0O$6yPthX9PoHPiAGjWMJyDqk/l8Qp9ufd2wJCJngT091.",
    ),
    (
        "sha512",
        "$6$rounds=1000$ZqdOv/71mqGYiuQJ$M2K33dZ8.5Lg3hrVS2iuzTeauc2g23JN3Cr6yYyzvqJfG4ZBkKIkQL0tUxW7F9QNKXS1K9ukG1Aw.1vBI5FW4.",
    ),
    ("sha1", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="),
    ("ssha", "{SSHA}gucRPy2rAGtS9M2tKltnH55+szJ6L6WU"),
];

/// `correct horse`, as cheap as can be.
const CHEAP: &str = "{SSHA}gucRPy2rAGtS9M2tKltnH55+szJ6L6WU";

type Headers<'h> = &'h [(&'h str, &'h [u8])];

const ONLY_STAFF: &str = "rules: [{require: staff}]";

/// The provider `staff`, with the users `ann` and `bob`.
fn staff(options: &str) -> String {
    format!(
        "
staff:
  basic:
    users:
    - {{name: ann, password_hash: '{CHEAP}', groups: [admin], scopes: [write], metadata: {{desk: '7'}}}}
    - {{name: bob, password_hash: '{CHEAP}'}}
    {options}
"
    )
}

/// The value of `authorization`.
fn basic(user: &str, password: &str) -> Vec<u8> {
    let pair = format!("{user}:{password}");
    format!("Basic {}", Base64::encode_string(pair.as_bytes())).into_bytes()
}

/// Workers of one proxy.
fn workers<const N: usize>(providers: &str, rest: &str) -> [Gate; N] {
    workers_over(&Shared::default(), providers, rest)
}

fn workers_over<const N: usize>(shared: &Shared, providers: &str, rest: &str) -> [Gate; N] {
    [(); N].map(|()| {
        let providers = providers.replace('\n', "\n  ");
        let yaml = format!("providers:\n  {providers}\n{rest}");
        let config = load(&yaml).unwrap_or_else(|problems| panic!("{problems} in:\n{yaml}"));
        let host = FakeHost::new(shared.clone());
        let filter = Filter::new(config, &host).unwrap();
        Gate { filter, host }
    })
}

impl Gate {
    /// Tries a password from an address.
    fn login_from(&self, peer: &str, user: &str, password: &str) -> Verdict {
        let authorization = basic(user, password);
        self.host.begin([
            (":method", &b"GET"[..]),
            (":path", b"/"),
            (":authority", b"gatehouse.test"),
            ("authorization", &authorization),
        ]);
        self.host.property_is("source.address", peer);
        self.ask(&mut Stream::default()).unwrap()
    }

    /// What becomes of a password: the consumer, or the reason of the denial.
    fn login(&self, user: &str, password: &str) -> String {
        match self.login_from("192.0.2.1:4711", user, password) {
            Verdict::Deny(reply) => reason(&reply),
            _ => self.consumer().unwrap(),
        }
    }

    fn counter(&self, name: &str) -> u64 {
        let name = format!("gatehouse.auth.{name}");
        self.host.counters().get(&name).copied().unwrap_or_default()
    }

    fn verified(&self) -> u64 {
        self.counter("password_verified.provider.staff")
    }
}

#[test]
fn each_scheme() {
    let users: String = ONE_OF_EACH
        .map(|(name, hash)| format!("\n    - {{name: {name}, password_hash: '{hash}'}}"))
        .concat();
    let lines: String = ONE_OF_EACH
        .map(|(name, hash)| format!("\n      file-{name}:{hash}"))
        .concat();
    let unlimited = "failures: {per_user: unlimited, per_client: unlimited}";
    let providers = format!(
        "
staff:
  basic:
    users:{users}
    htpasswd: |
      # a comment, and a blank line
{lines}
    {unlimited}
"
    );
    let [gate] = workers(&providers, ONLY_STAFF);
    for (name, _) in ONE_OF_EACH {
        for name in [name.to_owned(), format!("file-{name}")] {
            assert_eq!(gate.login(&name, "correct horse"), name);
            assert_eq!(gate.login(&name, "correct horse"), name, "again");
            for wrong in ["correct hors", "Correct horse", "correct horse ", ""] {
                assert_eq!(
                    gate.login(&name, wrong),
                    "password_wrong",
                    "{name} {wrong:?}"
                );
            }
        }
    }
    // What is remembered is not hashed again.
    assert_eq!(gate.verified(), 18 * 5);
}

#[test]
fn the_consumer_is_established() {
    let options = "groups: {ops: [bob, ann], admin: [ann]}";
    let gate = Gate::new(&staff(options), ONLY_STAFF);
    let cases = [
        (
            "ann",
            r#"{"name":"ann","provider":"staff","groups":["admin","ops"],"scopes":["write"],"claims":{},"metadata":{"desk":"7"}}"#,
        ),
        (
            "bob",
            r#"{"name":"bob","provider":"staff","groups":["ops"],"scopes":[],"claims":{},"metadata":{}}"#,
        ),
    ];
    for (user, expected) in cases {
        for time in ["first", "again"] {
            assert_eq!(gate.login(user, "correct horse"), user);
            let identity = gate.host.property_value("gatehouse.identity").unwrap();
            assert_eq!(
                String::from_utf8(identity).unwrap(),
                expected,
                "{user}, {time}"
            );
        }
    }
    assert_eq!(gate.upstream(), pairs(&[(":path", "/")]));
}

#[test]
fn hashes_from_the_environment() {
    for options in [
        "users: [{name: ann, password_hash: '${env:ANN_HASH}'}]",
        "htpasswd: '${env:HTPASSWD}'",
    ] {
        let providers = format!("\nstaff:\n  basic:\n    {options}\n");
        let gate = Gate::new(&providers, ONLY_STAFF);
        assert_eq!(gate.login("ann", "secret"), "ann");
        assert_eq!(gate.login("ann", "Secret"), "password_wrong");
    }
}

#[test]
fn whatever_a_client_sends() {
    let gate = Gate::new(
        &staff("failures: {per_user: unlimited, per_client: unlimited}"),
        ONLY_STAFF,
    );
    let encoded = |bytes: &[u8]| format!("Basic {}", Base64::encode_string(bytes)).into_bytes();
    let good = basic("ann", "correct horse");
    let bare = good.strip_prefix(b"Basic ").unwrap();
    let with = |prefix: &str| [prefix.as_bytes(), bare].concat();
    let long = encoded(&[b"ann:".to_vec(), vec![b'x'; 600]].concat());
    let longest = encoded(&[b"ann:".to_vec(), vec![b'x'; 256]].concat());
    let huge = [b"Basic ".to_vec(), vec![b'a'; 64 * 1024]].concat();
    type Case<'c> = (&'c str, &'c [&'c [u8]], &'c str);
    let malformed = "credential_malformed";
    let cases: &[Case<'_>] = &[
        ("good", &[&good], "ann"),
        ("the scheme in lower case", &[&with("basic ")], "ann"),
        ("the scheme in upper case", &[&with("BASIC ")], "ann"),
        ("more spaces", &[&with("Basic   ")], "ann"),
        ("no space", &[&with("Basic")], "credential_missing"),
        ("a tab", &[&with("Basic\t")], "ann"),
        ("no scheme", &[bare], "credential_missing"),
        ("another scheme", &[b"Bearer x"], "credential_missing"),
        ("an empty header", &[b""], "credential_missing"),
        ("the scheme alone", &[b"Basic"], malformed),
        ("the scheme and a space", &[b"Basic "], malformed),
        ("not base64", &[b"Basic ann:secret"], malformed),
        ("not UTF-8", &[b"Basic \xff\xfe"], malformed),
        ("without padding", &[b"Basic YW5uOmE"], malformed),
        ("stray bits", &[b"Basic YW5uOmF="], malformed),
        (
            "base64url",
            &[&encoded(b"ann:\xff\xef\xbe")
                .iter()
                .map(|byte| if *byte == b'/' { b'_' } else { *byte })
                .collect::<Vec<_>>()],
            malformed,
        ),
        ("text after it", &[&[&good[..], b" x"].concat()], malformed),
        (
            "a space after it",
            &[&[&good[..], b" "].concat()],
            malformed,
        ),
        ("no colon", &[&encoded(b"ann")], malformed),
        ("nothing in it", &[&encoded(b"")], malformed),
        ("an empty user", &[&encoded(b":correct horse")], malformed),
        (
            "a NUL in the user",
            &[&encoded(b"ann\0:correct horse")],
            malformed,
        ),
        (
            "a NUL in the password",
            &[&encoded(b"ann:correct horse\0")],
            malformed,
        ),
        ("a line feed", &[&encoded(b"ann:correct\nhorse")], malformed),
        (
            "a user that is not UTF-8",
            &[&encoded(b"\xff:correct horse")],
            malformed,
        ),
        ("a long password", &[&longest], "password_wrong"),
        ("more than any name and password", &[&long], malformed),
        ("64 KiB", &[&huge], malformed),
        ("an empty password", &[&encoded(b"ann:")], "password_wrong"),
        (
            "a password that is not UTF-8",
            &[&encoded(b"ann:\xff")],
            "password_wrong",
        ),
        (
            "a colon more",
            &[&encoded(b"ann:correct horse:")],
            "password_wrong",
        ),
        (
            "the user in upper case",
            &[&encoded(b"ANN:correct horse")],
            "password_wrong",
        ),
        (
            "a space after the user",
            &[&encoded(b"ann :correct horse")],
            "password_wrong",
        ),
        (
            "nobody",
            &[&encoded(b"eve:correct horse")],
            "password_wrong",
        ),
        ("twice", &[&good, &good], "credential_ambiguous"),
        (
            "two joined",
            &[&[&good[..], b", ", &good].concat()],
            "credential_ambiguous",
        ),
        (
            "beside another scheme",
            &[b"Bearer x", &good],
            "credential_ambiguous",
        ),
    ];
    for (name, values, expected) in cases {
        let headers: Vec<(&str, &[u8])> = values
            .iter()
            .map(|value| ("authorization", *value))
            .collect();
        assert_eq!(gate.outcome("/", &headers), *expected, "{name}");
    }
}

#[test]
fn another_header() {
    let options = "from: [{header: proxy-authorization, prefix: 'Basic '}, {header: x-staff}]";
    let gate = Gate::new(&staff(options), ONLY_STAFF);
    let good = basic("ann", "correct horse");
    let bare = good.strip_prefix(b"Basic ").unwrap();
    let cases: [(&str, Headers<'_>, &str); 4] = [
        ("with the prefix", &[("proxy-authorization", &good)], "ann"),
        ("without one", &[("x-staff", bare)], "ann"),
        (
            "the usual one",
            &[("authorization", &good)],
            "credential_missing",
        ),
        (
            "both",
            &[("proxy-authorization", &good), ("x-staff", bare)],
            "credential_ambiguous",
        ),
    ];
    for (name, headers, expected) in cases {
        assert_eq!(gate.outcome("/", headers), expected, "{name}");
    }
    gate.send(
        "/",
        &[
            ("proxy-authorization", &good),
            ("authorization", b"Bearer x"),
        ],
    );
    assert_eq!(
        gate.upstream(),
        pairs(&[(":path", "/"), ("authorization", "Bearer x")])
    );
}

#[test]
fn what_the_client_is_told() {
    let named = workers::<1>(&staff("realm: 'the \"staff\"'"), ONLY_STAFF);
    let plain = workers::<1>(&staff(""), ONLY_STAFF);
    let challenges = |reply: &LocalReply| -> Vec<String> {
        let of = reply
            .headers
            .iter()
            .filter(|(name, _)| name == "www-authenticate");
        of.map(|(_, value)| String::from_utf8(value.clone()).unwrap())
            .collect()
    };
    let good = basic("ann", "correct horse");
    let wrong = basic("ann", "wrong");
    let cases: [(&str, Headers<'_>, u16, bool); 4] = [
        ("nothing", &[], 401, true),
        ("wrong", &[("authorization", &wrong)], 401, true),
        ("malformed", &[("authorization", b"Basic ?")], 401, true),
        (
            "two",
            &[("authorization", &good), ("authorization", &good)],
            400,
            false,
        ),
    ];
    for (name, headers, status, challenged) in cases {
        for (gate, expected) in [
            (&named, r#"Basic realm="the \"staff\"", charset="UTF-8""#),
            (&plain, r#"Basic realm="staff", charset="UTF-8""#),
        ] {
            let Verdict::Deny(reply) = gate[0].send("/", headers) else {
                panic!("{name}: not denied");
            };
            assert_eq!(reply.status, status, "{name}");
            let expected = challenged.then_some(expected);
            assert_eq!(challenges(&reply), Vec::from_iter(expected), "{name}");
        }
    }
}

/// A user who does not exist, and one who does with a wrong password, are told apart by nothing.
#[test]
fn who_exists_is_not_told() {
    let observed = |user: &str| {
        let [one, other] = workers(
            &staff("failures: {per_user: 3/1m, per_client: 20/1m}"),
            ONLY_STAFF,
        );
        let mut seen = Vec::new();
        for (gate, password) in [
            (&one, "a"),
            (&one, "a"),
            (&one, "b"),
            (&other, "b"),
            (&one, "c"),
        ] {
            let verdict = gate.login_from("192.0.2.1:4711", user, password);
            let calls = gate.host.calls();
            seen.push((
                format!("{verdict:?}"),
                calls,
                gate.host.counters(),
                gate.host.log_lines(),
            ));
        }
        let reasons: Vec<bool> = seen
            .iter()
            .map(|(verdict, ..)| verdict.contains("password_wrong"))
            .collect();
        assert_eq!(reasons, [true, true, true, true, false]);
        seen
    };
    assert_eq!(observed("ann"), observed("eve"));
}

#[test]
fn host_calls() {
    let options = "failures: {per_user: 2/1m, per_client: 20/1m}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    let calls = |user: &str, password: &str| -> Vec<(&str, usize)> {
        gate.login(user, password);
        gate.host.calls().into_iter().collect()
    };
    let clock = "proxy_get_current_time_nanoseconds";
    let headers = "proxy_get_header_map_pairs";
    let counters = "proxy_increment_metric";
    let [read, write] = ["proxy_get_shared_data", "proxy_set_shared_data"];
    let [property, state] = ["proxy_get_property", "proxy_set_property"];
    let remove = "proxy_remove_header_map_value";
    let good = [
        (clock, 1),
        (headers, 1),
        (counters, 1),
        (remove, 1),
        (state, 2),
    ];
    type Calls<'c> = &'c [(&'c str, usize)];
    let cases: [(&str, &str, &str, Calls<'_>); 5] = [
        (
            "good, new",
            "ann",
            "correct horse",
            &[
                (clock, 3),
                (headers, 1),
                (property, 1),
                (read, 4),
                (counters, 2),
                (remove, 1),
                (state, 2),
                (write, 4),
            ],
        ),
        ("good, seen before", "ann", "correct horse", &good),
        (
            "wrong, new",
            "bob",
            "a",
            &[
                (clock, 3),
                (headers, 1),
                (property, 1),
                (read, 2),
                (counters, 2),
                (write, 2),
            ],
        ),
        (
            "wrong, seen before",
            "bob",
            "a",
            &[(clock, 1), (headers, 1), (counters, 2)],
        ),
        (
            "wrong, the last that counts",
            "bob",
            "b",
            &[
                (clock, 3),
                (headers, 1),
                (property, 1),
                (read, 2),
                (counters, 2),
                (write, 2),
            ],
        ),
    ];
    for (name, user, password, expected) in cases {
        assert_eq!(calls(user, password), expected, "{name}");
    }
    let refused = [
        (clock, 2),
        (headers, 1),
        (property, 1),
        (read, 2),
        (counters, 1),
    ];
    assert_eq!(calls("bob", "c"), refused, "refused unseen");
}

#[test]
fn good_passwords_are_remembered_while_in_use() {
    let [gate] = workers(&staff("cache: {size: 10, ttl: 100s}"), ONLY_STAFF);
    let login = |seconds: u64| {
        let now = FakeHost::START.after(Duration::from_secs(seconds));
        gate.host.set_now(now);
        let before = gate.verified();
        assert_eq!(gate.login("ann", "correct horse"), "ann", "{seconds}");
        gate.verified() - before
    };
    // Seconds, and whether it was hashed. From half of the time on, its use makes it last.
    let cases = [
        (1000, 1),
        (1049, 0),
        (1099, 0),
        (1198, 0),
        (1290, 0),
        (1390, 1),
        // The clock goes back.
        (1389, 1),
        (1390, 0),
        (5, 1),
        (6, 0),
        (10_000, 1),
    ];
    for (seconds, hashed) in cases {
        assert_eq!(login(seconds), hashed, "{seconds}");
    }
}

#[test]
fn wrong_passwords_are_remembered_from_when_they_were_hashed() {
    let options =
        "cache: {size: 10, ttl: 100s}\n    failures: {per_user: unlimited, per_client: unlimited}";
    let [gate] = workers(&staff(options), ONLY_STAFF);
    for (seconds, hashed) in [
        (1000, 1),
        (1050, 0),
        (1099, 0),
        (1100, 1),
        (1000, 1),
        (1001, 0),
    ] {
        gate.host
            .set_now(FakeHost::START.after(Duration::from_secs(seconds)));
        let before = gate.verified();
        assert_eq!(gate.login("ann", "old"), "password_wrong", "{seconds}");
        assert_eq!(gate.verified() - before, hashed, "{seconds}");
    }
    assert_eq!(gate.counter("password_wrong_again.provider.staff"), 3);
}

#[test]
fn without_a_cache_each_is_hashed() {
    let [gate] = workers(&staff("cache: {size: 0}"), ONLY_STAFF);
    for _ in 0..3 {
        assert_eq!(gate.login("ann", "correct horse"), "ann");
        assert_eq!(gate.login("bob", "wrong"), "password_wrong");
    }
    assert_eq!(gate.verified(), 6);
}

#[test]
fn the_cache_is_bounded() {
    let users: String = (0..30)
        .map(|number| format!("\n    - {{name: user{number}, password_hash: '{CHEAP}'}}"))
        .collect();
    let providers = format!("\nstaff:\n  basic:\n    users:{users}\n    cache: {{size: 10}}\n");
    let [gate] = workers(&providers, ONLY_STAFF);
    for _ in 0..2 {
        for number in 0..30 {
            let user = format!("user{number}");
            assert_eq!(gate.login(&user, "correct horse"), user);
        }
    }
    // No more than ten are known when each comes again, and they are the others.
    assert_eq!(gate.verified(), 60);
}

/// The same user of two providers, with another password in each.
#[test]
fn either_of_two_providers() {
    let providers = format!(
        "{}\nguests:\n  basic:\n    users: [{{name: ann, password_hash: '${{env:ANN_HASH}}'}}]\n",
        staff("")
    );
    let [gate] = workers(&providers, "rules: [{require: {any_of: [staff, guests]}}]");
    let provider = || {
        let identity = gate.host.property_value("gatehouse.identity").unwrap();
        let identity: serde_json::Value = serde_json::from_slice(&identity).unwrap();
        identity["provider"].as_str().unwrap().to_owned()
    };
    for _ in 0..20 {
        assert_eq!(gate.login("ann", "correct horse"), "ann");
        assert_eq!(provider(), "staff");
        assert_eq!(gate.login("ann", "secret"), "ann");
        assert_eq!(provider(), "guests");
    }
    // The password of the one is wrong for the other, once.
    assert_eq!(gate.verified(), 2);
    assert_eq!(gate.counter("password_verified.provider.guests"), 1);
}

#[test]
fn in_report_mode_failures_are_counted() {
    let options = "failures: {per_user: 2/1m, per_client: 20/1m}";
    let [gate] = workers(&staff(options), &format!("{ONLY_STAFF}\nmode: report"));
    for password in ["a", "b", "c", "correct horse"] {
        let verdict = gate.login_from("192.0.2.1:4711", "ann", password);
        assert_eq!(verdict, Verdict::Continue, "{password}");
        assert_eq!(gate.consumer(), None, "{password}");
    }
    assert_eq!(gate.counter("would_deny.reason.password_wrong"), 2);
    assert_eq!(gate.counter("would_deny.reason.too_many_failures"), 2);
    assert_eq!(gate.login("bob", "correct horse"), "bob");
    assert_eq!(gate.verified(), 3);
}

#[test]
fn weak_hashes_are_named_at_start() {
    let sha = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
    let load = |count: usize| {
        let lines: String = (0..count)
            .map(|number| format!("\n      u{number}:{sha}"))
            .collect();
        let providers = format!(
            "\nstaff:\n  basic:\n    users: [{{name: ann, password_hash: '{CHEAP}'}}]\n    htpasswd: |\n      # none{lines}\n"
        );
        let [gate] = workers(&providers, ONLY_STAFF);
        gate.host.log_lines()
    };
    let line = "Warn: auth: provider staff: {SHA} is SHA-1 without a salt, which is guessed by the billion in a second; give these users a better hash: ";
    assert_eq!(load(0), Vec::<String>::new());
    assert_eq!(load(2), [format!("{line}u0, u1")]);
    assert_eq!(
        load(12),
        [format!(
            "{line}u0, u1, u2, u3, u4, u5, u6, u7, u8, u9 and 2 more"
        )]
    );
}

#[test]
fn a_host_that_fails() {
    let start = |call: &'static str| {
        let host = FakeHost::default();
        host.fail(call, Status::Code(10));
        let yaml = format!(
            "providers:{}\n{ONLY_STAFF}",
            staff("").replace('\n', "\n  ")
        );
        Filter::new(load(&yaml).unwrap(), &host)
            .err()
            .map(|error| error.to_string())
    };
    for call in [
        "random_get",
        "proxy_get_shared_data",
        "proxy_set_shared_data",
    ] {
        let expected = format!("cannot start: {call} answered status 10");
        assert_eq!(start(call), Some(expected));
    }

    // Nobody is let in, or refused for good.
    for call in [
        "proxy_get_shared_data",
        "proxy_get_property",
        "proxy_get_current_time_nanoseconds",
    ] {
        let [gate] = workers(&staff(""), ONLY_STAFF);
        gate.host.fail(call, Status::Code(10));
        let good = basic("ann", "correct horse");
        let error = gate.try_send("/", &[("authorization", &good)]).unwrap_err();
        assert_eq!((error.call, error.status), (call, Status::Code(10)));
        gate.host.heal(call);
        assert_eq!(gate.login("ann", "correct horse"), "ann", "{call}");
    }

    // What cannot be counted is not looked at.
    let [gate] = workers(&staff("failures: {per_user: 1/1m}"), ONLY_STAFF);
    gate.host.fail("proxy_set_shared_data", Status::Code(10));
    let good = basic("ann", "correct horse");
    let error = gate.try_send("/", &[("authorization", &good)]).unwrap_err();
    assert_eq!(error.call, "proxy_set_shared_data");
    assert_eq!(gate.verified(), 0);
}
