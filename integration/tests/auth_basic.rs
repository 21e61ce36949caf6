//! Users and passwords on stock Envoy, and floods of wrong ones beside requests that have nothing to do with them.

#![allow(
    clippy::disallowed_methods,
    reason = "native test: it has a clock and an environment of its own"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use gatehouse_integration::http::Connection;
use gatehouse_integration::{Config, Echo, Envoy, Request, Response};

const WORKERS: u32 = 2;

/// `correct horse`, by `htpasswd -nB -C 10`.
const BCRYPT: &str = "$2y$10$OVqnPdtb27JkPzKzALVap.81k1G7kFzgQLtV45CtMttNbYDWt4tQC";

/// The same by others (`crates/password`), and by `htpasswd -ns`.
const OTHERS: [(&str, &str); 6] = [
    (
        "argon2id",
        "$argon2id$v=19$m=64,t=2,p=2$4yDV2NctoY236lAbgVSo5A$TQMKo+4nylDAsflT7xQ3IT0zg+CT6AylBcf8VB7o7+0",
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
    ("ssha", "{SSHA}gucRPy2rAGtS9M2tKltnH55+szJ6L6WU"),
    ("sha1", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="),
];

/// Two users with bcrypt, and these. A user who does not exist costs what one of them does.
fn config(echo: &Echo, others: &[(&str, &str)], options: &str) -> Config {
    let lines = others.iter();
    let lines = lines.map(|(name, hash)| format!("\n        {name}:{hash}"));
    let lines: String = lines.collect();
    Config::load("envoy/auth.yaml")
        .upstream(echo)
        .workers(WORKERS)
        .plugin(&format!(
            "
# The test's proxy, and what Envoy adds for a peer over loopback: an address of this machine, not the peer's.
trusted_hops: 2
providers:
  staff:
    basic:
      users:
      - {{name: ann, password_hash: '{BCRYPT}', groups: [admin]}}
      - {{name: bob, password_hash: '{BCRYPT}'}}
      htpasswd: |
        # as the file has them
{lines}
{options}
  partners:
    api_key:
      from: [{{header: x-api-key}}]
      consumers: [{{name: dev, key: '${{env:DEV_KEY}}'}}]
rules:
- {{match: {{path: {{prefix: /admin}}}}, require: staff, authorize: {{groups: [admin]}}}}
- {{require: {{any_of: [staff, partners]}}}}
forward: {{consumer_header: x-user}}
"
        ))
}

/// A request from a client behind a trusted proxy.
fn login(envoy: &Envoy, client: &str, user: &str, password: &str) -> Request {
    let credentials = Base64::encode_string(format!("{user}:{password}").as_bytes());
    envoy
        .request("GET", "/")
        .header("x-forwarded-for", client)
        .header("authorization", format!("Basic {credentials}"))
}

/// The answer of a worker that has time for a password. Before anything is charged, one that has spent its share says 503: on a
/// slow machine it may, also where the share is all of its time.
fn decided(request: &Request) -> Response {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let response = request.send();
        if response.status != 503 {
            return response;
        }
        assert!(Instant::now() < deadline, "busy for a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn counter(envoy: &Envoy, name: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.auth.{name}"))
}

fn verified(envoy: &Envoy) -> u64 {
    counter(envoy, "password_verified.provider.staff")
}

#[test]
fn every_scheme_and_every_answer() {
    let echo = Echo::start();
    let unlimited =
        "      failures: {per_user: unlimited, per_client: unlimited}\n      max_busy: 100%";
    let envoy = config(&echo, &OTHERS, unlimited).start();
    let users = ["ann", "bob"]
        .into_iter()
        .chain(OTHERS.map(|(name, _)| name));
    for user in users {
        let good = decided(&login(&envoy, "192.0.2.1", user, "correct horse"));
        assert_eq!(good.status, 200, "{user}: {}", good.text());
        let echoed = good.echoed();
        assert_eq!(echoed.header("x-user"), [user]);
        assert!(echoed.header("authorization").is_empty(), "{user}");
        let wrong = decided(&login(&envoy, "192.0.2.1", user, "correct hors"));
        assert_eq!(wrong.status, 401, "{user}: {}", wrong.text());
        let challenge = r#"Basic realm="staff", charset="UTF-8""#;
        assert_eq!(wrong.header("www-authenticate"), [challenge], "{user}");
    }

    let encoded = |bytes: &[u8]| format!("Basic {}", Base64::encode_string(bytes)).into_bytes();
    let cases: [(&str, Vec<u8>, u16); 8] = [
        (
            "in lower case",
            encoded(b"ann:correct horse").to_ascii_lowercase(),
            401,
        ),
        (
            "the scheme in lower case",
            [b"b".to_vec(), encoded(b"ann:correct horse").split_off(1)].concat(),
            200,
        ),
        ("nobody", encoded(b"eve:correct horse"), 401),
        ("no colon", encoded(b"ann"), 401),
        ("not base64", b"Basic \xff\xfe".to_vec(), 401),
        ("the scheme alone", b"Basic".to_vec(), 401),
        ("a NUL", encoded(b"ann:correct horse\0"), 401),
        (
            "40 KiB",
            [b"Basic ".to_vec(), vec![b'a'; 40 << 10]].concat(),
            401,
        ),
    ];
    for (name, value, expected) in cases {
        let request = envoy.request("GET", "/").header("authorization", value);
        let response = decided(&request);
        assert_eq!(response.status, expected, "{name}: {}", response.text());
    }
    let ann = encoded(b"ann:correct horse");
    let two = envoy
        .request("GET", "/")
        .header("authorization", &ann)
        .header("authorization", &ann);
    assert_eq!(two.send().status, 400);

    let admin = |user: &str| {
        let credentials = encoded(format!("{user}:correct horse").as_bytes());
        let request = envoy
            .request("GET", "/admin")
            .header("authorization", credentials);
        decided(&request).status
    };
    assert_eq!((admin("ann"), admin("bob")), (200, 403));
    let log = envoy.log();
    assert!(
        log.contains("give these users a better hash: sha1"),
        "no warning"
    );
    assert!(
        !log.contains("correct horse") && !log.contains(&BCRYPT[7..]),
        "a secret in the log"
    );
    assert!(!log.contains("Proxy-Wasm plugin in-VM backtrace"), "a trap");
}

#[test]
fn a_user_who_is_at_work_is_not_locked_out() {
    let echo = Echo::start();
    let envoy = config(
        &echo,
        &[],
        // The test is not of how busy a worker gets, which a slow machine would make it.
        "      failures: {per_user: 5/1h, per_client: unlimited}\n      max_busy: 100%",
    )
    .start();
    let good = login(&envoy, "192.0.2.1", "ann", "correct horse");
    let mut at_work = Connection::open(envoy.address()).unwrap();
    assert_eq!(at_work.send(&good).unwrap().status, 200);

    let guesses = 0..40;
    let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
    for number in guesses {
        // From an address of its own each, on a connection of its own each: to both workers.
        let client = format!("198.51.100.{number}");
        let response = decided(&login(&envoy, &client, "ann", &format!("guess {number}")));
        *statuses.entry(response.status).or_default() += 1;
        let waits = response.header("retry-after");
        assert_eq!(
            waits.len(),
            usize::from(response.status == 429),
            "{waits:?}"
        );
        let wait = waits.first().map(|wait| wait.parse::<u64>().unwrap());
        assert!(
            wait.is_none_or(|wait| (600..=720).contains(&wait)),
            "{wait:?}"
        );
    }
    // The workers share the limit, and one request comes after the other.
    assert_eq!(statuses, BTreeMap::from([(401, 5), (429, 35)]));
    assert_eq!(verified(&envoy), 6);

    assert_eq!(at_work.send(&good).unwrap().status, 200);
    assert_eq!(verified(&envoy), 6);
    let bob = decided(&login(&envoy, "192.0.2.1", "bob", "correct horse"));
    assert_eq!(bob.status, 200);
    assert_eq!(counter(&envoy, "denied.reason.too_many_failures"), 35);
    assert_eq!(counter(&envoy, "failures_contended.provider.staff"), 0);
}

/// How long requests with an API key take while others do something.
struct Latencies {
    sorted: Vec<Duration>,
    flood: BTreeMap<u16, usize>,
    verified: u64,
    took: Duration,
}

impl Latencies {
    /// The longest but so many of a thousand.
    fn but(&self, per_mille: usize) -> Duration {
        let place = self.sorted.len() * (1000 - per_mille) / 1000;
        self.sorted[place.min(self.sorted.len() - 1)]
    }
}

/// How long a flood takes at most.
const MOST: Duration = Duration::from_secs(60);

/// Requests as fast as they are answered, the n-th being `what(n)`; beside them requests with an API key on connections of
/// their own. Takes so long; and as long, within [`MOST`], as no more than so many were answered 429, since a slow machine takes
/// its time until an address has used up what it may have.
fn flood(
    envoy: &Envoy,
    least: Duration,
    least_refused: usize,
    what: impl Fn(usize) -> Request + Sync,
) -> Latencies {
    const FLOODERS: usize = 8;
    const OTHERS: usize = 6;
    let over = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let refused = AtomicUsize::new(0);
    let before = verified(envoy);
    let begun = Instant::now();
    let flooder = || {
        let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
        let mut connection = Connection::open(envoy.address()).unwrap();
        while !over.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let response = connection.send(&what(number)).unwrap();
            *statuses.entry(response.status).or_default() += 1;
            if response.status == 429 {
                refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        statuses
    };
    let other = || {
        let mut latencies = Vec::new();
        let mut connection = Connection::open(envoy.address()).unwrap();
        let request = envoy.request("GET", "/").header("x-api-key", "dev-key-1");
        let goes_on = || match begun.elapsed() {
            short if short < least => true,
            long if long < MOST => refused.load(Ordering::Relaxed) < least_refused,
            _ => false,
        };
        while goes_on() {
            let sent = Instant::now();
            assert_eq!(connection.send(&request).unwrap().status, 200);
            latencies.push(sent.elapsed());
            std::thread::sleep(Duration::from_millis(5));
        }
        latencies
    };
    let (mut sorted, mut flood) = (Vec::new(), BTreeMap::new());
    std::thread::scope(|scope| {
        let flooders: Vec<_> = (0..FLOODERS).map(|_| scope.spawn(flooder)).collect();
        let others: Vec<_> = (0..OTHERS).map(|_| scope.spawn(other)).collect();
        for other in others {
            sorted.extend(other.join().unwrap());
        }
        over.store(true, Ordering::Relaxed);
        for flooder in flooders {
            for (status, count) in flooder.join().unwrap() {
                *flood.entry(status).or_insert(0) += count;
            }
        }
    });
    sorted.sort_unstable();
    let latencies = Latencies {
        sorted,
        flood,
        verified: verified(envoy) - before,
        took: begun.elapsed(),
    };
    println!(
        "{} requests: median {:?}, p99 {:?}, longest {:?}; the flood: {:?}, {} verified in {:?}",
        latencies.sorted.len(),
        latencies.but(500),
        latencies.but(10),
        latencies.but(0),
        latencies.flood,
        latencies.verified,
        latencies.took,
    );
    latencies
}

/// The same flood without a hash, and then with wrong passwords, the n-th from `who(n)`: client address and user. Requests
/// with an API key wait for a hash here and there, and not for more. What is slow about the machine, the first one has too.
fn flood_of_passwords(
    envoy: &Envoy,
    least_refused: usize,
    who: impl Fn(usize) -> (String, String) + Sync,
) -> Latencies {
    let sent = Instant::now();
    let good = login(envoy, "192.0.2.2", "ann", "correct horse").send();
    assert_eq!(good.status, 200);
    let hash = sent.elapsed();
    let malformed = |_| envoy.request("GET", "/").header("authorization", "Basic !");
    let ground = flood(envoy, Duration::from_secs(3), 0, malformed);
    assert_eq!(ground.verified, 0);
    assert!(ground.flood.keys().eq([&401]), "{:?}", ground.flood);
    let flood = flood(envoy, Duration::from_secs(8), least_refused, |number| {
        let (client, user) = who(number);
        login(envoy, &client, &user, &format!("guess {number}"))
    });
    let most = Duration::from_secs(1).max(10 * hash + 10 * ground.but(10));
    let p99 = flood.but(10);
    assert!(p99 < most, "{p99:?} of {most:?}");
    let most = Duration::from_millis(50).max(5 * ground.but(500));
    let median = flood.but(500);
    assert!(median < most, "{median:?} of {most:?}");
    flood
}

#[test]
fn a_flood_from_one_address() {
    let echo = Echo::start();
    let envoy = config(&echo, &[], "      max_busy: 20%").start();
    let flood = flood_of_passwords(&envoy, 1_000, |number| {
        ("192.0.2.1".to_owned(), format!("eve{number}"))
    });
    // Twenty, and one in three seconds, of both workers together.
    let most = 20 + flood.took.as_secs() / 3;
    assert!((4..=most).contains(&flood.verified), "{}", flood.verified);
    // On a machine that hashes fewer than that in the time, the workers' share is what there is none left of.
    let of = |status| flood.flood.get(&status).copied().unwrap_or(0);
    let refused = match flood.took < MOST {
        true => of(429),
        false => of(429) + of(503),
    };
    assert!(refused > of(401), "{:?}", flood.flood);
}

#[test]
fn a_flood_from_everywhere() {
    let echo = Echo::start();
    let envoy = config(&echo, &[], "      max_busy: 20%").start();
    let flood = flood_of_passwords(&envoy, 0, |number| {
        let [.., high, low] = number.to_be_bytes();
        (format!("10.1.{high}.{low}"), format!("eve{number}"))
    });
    // Of each worker a second, a fifth of the time, and one beyond, at 101 ms or more each.
    let share = 1.0 + flood.took.as_secs_f64() * 0.2;
    let most = ((share / 0.101).ceil() as u64 + 1) * u64::from(WORKERS);
    assert!(
        (4..=most).contains(&flood.verified),
        "{} of {most}",
        flood.verified
    );
    assert!(flood.flood[&503] > flood.flood[&401], "{:?}", flood.flood);
    let lines = envoy
        .log()
        .matches("passwords take more than 20% of this worker")
        .count();
    assert!((1..=WORKERS as usize).contains(&lines), "{lines} lines");
}
