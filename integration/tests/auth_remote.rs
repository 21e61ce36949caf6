//! The auth filter with keys and lists that it fetches, on stock Envoy: a real OpenID provider, and an issuer that
//! fails in every way, with what each request gets.

#![allow(
    clippy::disallowed_methods,
    reason = "native test machinery: it has a clock and an environment of its own"
)]

#[path = "auth_remote/issuer.rs"]
mod issuer;
#[path = "auth_remote/provider.rs"]
mod provider;
#[path = "auth_remote/signer.rs"]
mod signer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gatehouse_integration::{Config, Echo, Envoy, Response};
use issuer::{Answer, Issuer};
use provider::Provider;
use serde_json::{Value, json};
use signer::Signer;

const PATIENCE: Duration = Duration::from_secs(150);

fn cluster(name: &str, endpoint: Option<SocketAddr>) -> Value {
    let endpoints: Vec<Value> = endpoint
        .map(|address| {
            let (address, port) = (address.ip().to_string(), address.port());
            json!({"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}})
        })
        .into_iter()
        .collect();
    json!({"name": name, "connect_timeout": "1s", "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}})
}

/// The demo's Envoy with this plugin, and these clusters.
fn config(echo: &Echo, plugin: &str, clusters: &[(&str, Option<SocketAddr>)]) -> Config {
    Config::load("envoy/auth.yaml")
        .upstream(echo)
        .plugin(plugin)
        .edit(|root| {
            let known = root.pointer_mut("/static_resources/clusters");
            let known = known.and_then(Value::as_array_mut).expect("clusters");
            known.extend(clusters.iter().map(|(name, at)| cluster(name, *at)));
            let format = root["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
                ["typed_config"]["access_log"][0]["typed_config"]["log_format"]
                .pointer_mut("/text_format_source/inline_string")
                .expect("the file has an access log");
            *format = "LOG %REQ(X-CASE)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n".into();
        })
}

fn provider(name: &str, jwks: &str, more: &str) -> String {
    format!(
        "  {name}:\n    jwt: {{issuer: 'http://issuer.test', audiences: [api], algorithms: [RS256], jwks: {jwks}{more}}}\n"
    )
}

fn get(envoy: &Envoy, path: &str, bearer: &str) -> Response {
    let request = envoy.request("GET", path).header("authorization", bearer);
    request.header("x-case", path).send()
}

fn status(envoy: &Envoy, path: &str, bearer: &str) -> u16 {
    get(envoy, path, bearer).status
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn count(envoy: &Envoy, name: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.auth.{name}"))
}

#[test]
fn one_fetch_for_four_workers_and_as_often_as_the_issuer_says() {
    let (echo, issuer, signer) = (Echo::start(), Issuer::start(), Signer::new("1"));
    let headers = vec![
        ("cache-control", "max-age=4".to_owned()),
        ("etag", "\"1\"".to_owned()),
    ];
    let document = signer.jwks().to_string().into_bytes();
    issuer.says("/long", Answer::document(signer.jwks()));
    issuer.says("/short", Answer::With(200, headers, document));
    let plugin = format!(
        "providers:\n{}{}rules:\n- {{match: {{path: {{prefix: /short}}}}, require: short}}\n- {{require: long}}\n",
        provider(
            "long",
            "{uri: 'http://issuer.test/long', cluster: idp, timeout: 10s}",
            ""
        ),
        provider(
            "short",
            "{uri: 'https://issuer.test/short', cluster: idp, timeout: 10s, min_refresh: 1s}",
            ""
        ),
    );
    let envoy = config(&echo, &plugin, &[("idp", Some(issuer.address()))])
        .workers(4)
        .start();
    until("the keys to be fetched without any request", || {
        issuer.asked("/long") > 0 && issuer.asked("/short") > 0
    });
    let began = Instant::now();
    let bearer = signer.bearer("1");
    for _ in 0..100 {
        assert_eq!(status(&envoy, "/long", &bearer), 200);
        assert_eq!(status(&envoy, "/short", &bearer), 200);
    }
    assert_eq!(issuer.asked("/long"), 1);

    // 75 to 85 % of 4 s, each, from when it was answered.
    until("the keys to be fetched anew", || {
        issuer.asked("/short") >= 4
    });
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    let asked = issuer.asked_at("/short");
    let gaps: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let least = Duration::from_millis(2_900);
    assert!(gaps.iter().all(|gap| *gap >= least), "{gaps:?}");
    until("all to be counted", || {
        count(&envoy, "keys_not_modified.provider.short") >= 3
    });
    assert_eq!(count(&envoy, "keys_fetched.provider.short"), 1);
    assert_eq!(count(&envoy, "keys_fetched.provider.long"), 1);
    assert_eq!(issuer.asked("/long"), 1);
    assert_eq!(status(&envoy, "/short", &bearer), 200);
}

#[test]
fn an_issuer_that_is_down_at_start_and_down_later() {
    let (echo, signer) = (Echo::start(), Signer::new("1"));
    let address = Issuer::to_come();
    let jwks = "{uri: 'http://issuer.test/keys', cluster: idp, timeout: 20s, refresh: 2s}";
    let plugin = format!(
        "providers:\n{}rules: [{{require: sso}}]\n",
        provider("sso", jwks, "")
    );
    let envoy = config(&echo, &plugin, &[("idp", Some(address))])
        .workers(2)
        .start();
    let bearer = signer.bearer("1");
    until("the first fetch to fail", || {
        count(&envoy, "keys_fetch_failed.provider.sso") > 0
    });
    let answer = get(&envoy, "/", &bearer);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(
        answer.json()["detail"],
        "the credential cannot be checked now"
    );
    assert_eq!(answer.header("www-authenticate"), ["Bearer"]);
    assert_eq!(
        envoy.await_log("LOG / 503", 1),
        ["LOG / 503 gatehouse.auth.keys_unavailable"]
    );
    // What needs no key is told what is wrong with it all the same.
    assert_eq!(status(&envoy, "/", "Bearer x"), 401);

    // It comes up, and nobody has to do anything.
    let issuer = Issuer::listen(address, &[("/keys", Answer::document(signer.jwks()))]);
    until("the keys to come", || status(&envoy, "/", &bearer) == 200);
    for _ in 0..20 {
        until("all workers to have them", || {
            status(&envoy, "/", &bearer) == 200
        });
    }

    // It goes down again: the last good keys stay, for new tokens too.
    drop(issuer);
    let failed = count(&envoy, "keys_fetch_failed.provider.sso");
    until("fetching to fail again", || {
        count(&envoy, "keys_fetch_failed.provider.sso") > failed + 1
    });
    for jti in 0..20 {
        assert_eq!(status(&envoy, "/", &signer.bearer(&jti.to_string())), 200);
    }
    let label = "gatehouse auth: provider sso: keys: ";
    let lines: Vec<String> = envoy
        .await_log(label, 3)
        .iter()
        .filter_map(|line| Some(line.split_once(label)?.1.trim().to_owned()))
        .collect();
    assert_eq!(
        lines[0],
        "cannot be fetched: answered 503; there is none yet"
    );
    assert!(lines[1].starts_with("fetched, after "), "{lines:?}");
    assert_eq!(
        lines[2],
        "cannot be fetched: answered 503; the last good one stays"
    );
    assert_eq!(lines.len(), 3, "{lines:?}");
}

/// The faults of an issuer: what it answers, and what the log says.
fn faults(signer: &Signer) -> Vec<(&'static str, &'static str, Option<Answer>, &'static str)> {
    let elsewhere = vec![("location", "/good".to_owned())];
    let good = Answer::document(signer.jwks());
    let mut large = signer.jwks().to_string().into_bytes();
    large.resize(10_000_000, b' ');
    vec![
        (
            "slow",
            "idp",
            Some(Answer::Late(Duration::from_secs(30), Box::new(good))),
            "answered 504",
        ),
        ("cut", "idp", Some(Answer::Cut), "answered 503"),
        (
            "garbage",
            "idp",
            Some(Answer::document("<html>welcome</html>")),
            "not a set of keys: ",
        ),
        (
            "large",
            "idp",
            Some(Answer::With(200, Vec::new(), large)),
            "10000000 bytes are too many",
        ),
        (
            "redirect",
            "idp",
            Some(Answer::With(302, elsewhere, Vec::new())),
            "answered 302, and redirects are not followed",
        ),
        ("missing", "idp", Some(Answer::status(404)), "answered 404"),
        ("error", "idp", Some(Answer::status(500)), "answered 500"),
        (
            "empty",
            "idp",
            Some(Answer::document(json!({"keys": []}))),
            "not a set of keys: keys: no key verifies signatures",
        ),
        (
            "secret",
            "idp",
            Some(Answer::document(
                json!({"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}]}),
            )),
            "not a set of keys: keys: no key verifies signatures",
        ),
        ("nobody", "refused", None, "answered 503"),
        ("nohost", "empty", None, "the cluster has no healthy host"),
        ("nocluster", "unknown", None, "there is no such cluster"),
    ]
}

#[test]
fn every_fault_of_an_issuer() {
    let (echo, issuer, signer) = (Echo::start(), Issuer::start(), Signer::new("1"));
    let faults = faults(&signer);
    let (mut providers, mut rules) = (String::new(), String::new());
    for (name, cluster, answer, _) in &faults {
        let path = format!("/{name}");
        if let Some(answer) = answer {
            issuer.says(&path, answer.clone());
        }
        // A slow machine is no slow issuer.
        let timeout = if *name == "slow" { "3s" } else { "20s" };
        let jwks = format!(
            "{{uri: 'http://issuer.test{path}', cluster: {cluster}, timeout: {timeout}, refresh: 2s}}"
        );
        providers += &provider(name, &jwks, "");
        rules += &format!("- {{match: {{path: {{exact: {path}}}}}, require: {name}}}\n");
    }
    let plugin = format!("providers:\n{providers}rules:\n{rules}");
    let clusters = [
        ("idp", Some(issuer.address())),
        ("refused", Some(Issuer::nowhere())),
        ("empty", None),
    ];
    let envoy = config(&echo, &plugin, &clusters).workers(2).start();
    let bearer = signer.bearer("1");
    for (name, _, _, _) in &faults {
        let path = format!("/{name}");
        let began = Instant::now();
        let answer = get(&envoy, &path, &bearer);
        assert_eq!(answer.status, 503, "{name}: {}", answer.text());
        // The timeout, a second for it, and two.
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "{name}: {:?}",
            began.elapsed()
        );
        let line = envoy.await_log(&format!("LOG {path} "), 1);
        assert_eq!(
            line,
            [format!("LOG {path} 503 gatehouse.auth.keys_unavailable")]
        );
    }
    for (name, _, _, why) in &faults {
        let label = format!("provider {name}: keys: cannot be fetched: ");
        let lines = envoy.await_log(&label, 1);
        let line = lines[0].split_once(&label).expect("it was looked for").1;
        assert!(line.starts_with(why), "{name}: {line}");
        assert!(line.trim().ends_with("there is none yet"), "{name}: {line}");
    }
    assert_eq!(issuer.asked("/good"), 0, "the redirect was followed");

    // What can be healed recovers by itself; then all goes wrong again, and nobody notices.
    let healed: Vec<_> = faults
        .iter()
        .filter_map(|fault| Some((fault.0, fault.2.clone()?)))
        .collect();
    for (name, _) in &healed {
        issuer.says(&format!("/{name}"), Answer::document(signer.jwks()));
    }
    for (name, _) in &healed {
        until(name, || status(&envoy, &format!("/{name}"), &bearer) == 200);
    }
    for (name, fault) in &healed {
        issuer.says(&format!("/{name}"), fault.clone());
    }
    let before = envoy.stats();
    for (name, _) in &healed {
        let counter = format!("wasmcustom.gatehouse.auth.keys_fetch_failed.provider.{name}");
        until(name, || envoy.stat(&counter) > before[&counter]);
        for jti in ["a", "b", "c", "d"] {
            assert_eq!(
                status(&envoy, &format!("/{name}"), &signer.bearer(jti)),
                200,
                "{name}"
            );
        }
        envoy.await_log(&format!("provider {name}: keys: fetched, after "), 1);
    }
    assert!(!envoy.log().contains("in-VM backtrace"), "a trap");
}

#[test]
fn a_new_key_works_at_once_an_old_one_does_not_and_a_flood_costs_one_fetch() {
    let (echo, issuer) = (Echo::start(), Issuer::start());
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    issuer.says("/keys", Answer::document(old.jwks()));
    let jwks =
        "{uri: 'http://issuer.test/keys', cluster: idp, timeout: 10s, unknown_key_interval: 1h}";
    let plugin = format!(
        "providers:\n{}rules: [{{require: sso}}]\n",
        provider("sso", jwks, "")
    );
    let envoy = config(&echo, &plugin, &[("idp", Some(issuer.address()))])
        .workers(4)
        .start();
    let (of_old, of_new) = (old.bearer("1"), new.bearer("1"));
    for _ in 0..40 {
        assert_eq!(status(&envoy, "/", &of_old), 200);
    }
    assert_eq!(issuer.asked("/keys"), 1);

    issuer.says("/keys", Answer::document(new.jwks()));
    assert_eq!(
        status(&envoy, "/", &of_new),
        200,
        "the first token by the new key"
    );
    assert_eq!(issuer.asked("/keys"), 2);
    // Each worker looks ten times a second.
    let mut refused = 0;
    until("all workers to forget the old key", || {
        refused = if status(&envoy, "/", &of_old) == 401 {
            refused + 1
        } else {
            0
        };
        refused == 40
    });
    for _ in 0..40 {
        assert_eq!(status(&envoy, "/", &of_new), 200);
    }
    for number in 0..100 {
        let unknown = new.bearer_with_kid(&format!("unknown-{number}"));
        assert_eq!(status(&envoy, "/", &unknown), 401);
    }
    assert_eq!(issuer.asked("/keys"), 2);
    let denied = count(&envoy, "denied.reason.token_key_unknown");
    assert!(denied >= 140, "{denied}");
}

#[test]
fn a_flood_before_anything_else_costs_one_fetch_too() {
    let (echo, issuer, signer) = (Echo::start(), Issuer::start(), Signer::new("1"));
    let late = Answer::Late(
        Duration::from_secs(1),
        Box::new(Answer::document(signer.jwks())),
    );
    issuer.says("/keys", late);
    let jwks =
        "{uri: 'http://issuer.test/keys', cluster: idp, timeout: 20s, unknown_key_interval: 1h}";
    let plugin = format!(
        "providers:\n{}rules: [{{require: sso}}]\n",
        provider("sso", jwks, "")
    );
    let envoy = config(&echo, &plugin, &[("idp", Some(issuer.address()))])
        .workers(4)
        .start();
    let unknown = signer.bearer_with_kid("unknown");
    let good = signer.bearer("1");
    let statuses: BTreeMap<(usize, u16), usize> = std::thread::scope(|scope| {
        let sending: Vec<_> = (0..40)
            .map(|number| {
                let bearer = if number % 2 == 0 { &good } else { &unknown };
                let envoy = &envoy;
                scope.spawn(move || (number % 2, status(envoy, "/", bearer)))
            })
            .collect();
        let mut statuses = BTreeMap::new();
        for sent in sending {
            *statuses.entry(sent.join().expect("no panic")).or_default() += 1;
        }
        statuses
    });
    // All waited: the good ones for the keys, the others for those and for one fetch more.
    assert_eq!(statuses, BTreeMap::from([((0, 200), 20), ((1, 401), 20)]));
    assert_eq!(issuer.asked("/keys"), 2);
}

#[test]
fn a_denylist_is_kept_fresh() {
    let (echo, issuer, signer) = (Echo::start(), Issuer::start(), Signer::new("1"));
    issuer.says("/keys", Answer::document(signer.jwks()));
    issuer.says("/denied", Answer::document(json!({"jti": []})));
    let jwks = "{uri: 'http://issuer.test/keys', cluster: idp, timeout: 10s}";
    let list = |path: &str, more: &str| {
        format!(
            ", denylist: {{uri: 'http://issuer.test{path}', cluster: idp, timeout: 10s, refresh: 1s{more}}}"
        )
    };
    let plugin = format!(
        "providers:\n{}{}{}rules:\n- {{match: {{path: {{exact: /denies}}}}, require: denies}}\n- {{match: {{path: {{exact: /allows}}}}, require: allows}}\n- {{require: sso}}\n",
        provider("sso", jwks, &list("/denied", "")),
        provider("denies", jwks, &list("/none", "")),
        provider("allows", jwks, &list("/none", ", on_error: allow")),
    );
    let envoy = config(&echo, &plugin, &[("idp", Some(issuer.address()))])
        .workers(2)
        .start();
    let (one, two) = (signer.bearer("1"), signer.bearer("2"));
    let bob = signer.bearer_of("bob", "1", "3");
    let statuses = || [&one, &two, &bob].map(|bearer| status(&envoy, "/", bearer));
    assert_eq!(statuses(), [200, 200, 200]);
    for (document, expected) in [
        (json!({"jti": ["2"]}).to_string(), [200, 401, 200]),
        (
            json!({"jti": ["1"], "sub": ["bob"]}).to_string(),
            [401, 200, 401],
        ),
        ("<html>".to_owned(), [401, 200, 401]),
        (json!({"sub": []}).to_string(), [200, 200, 200]),
    ] {
        let failed = count(&envoy, "denylist_fetch_failed.provider.sso");
        issuer.says("/denied", Answer::document(&document));
        if document.starts_with('<') {
            until("it to be refused", || {
                count(&envoy, "denylist_fetch_failed.provider.sso") > failed
            });
        }
        until(&document, || (0..8).all(|_| statuses() == expected));
    }
    assert!(count(&envoy, "denied.reason.token_revoked") > 0);

    assert_eq!(status(&envoy, "/allows", &one), 200);
    assert_eq!(status(&envoy, "/denies", &one), 503);
    let expected = "LOG /denies 503 gatehouse.auth.denylist_unavailable";
    assert_eq!(envoy.await_log("LOG /denies", 1), [expected]);
    issuer.says("/none", Answer::document(json!({"jti": []})));
    until("it to recover", || status(&envoy, "/denies", &one) == 200);
}

#[test]
fn discovery_and_rotation_of_a_real_provider() {
    let (echo, provider) = (Echo::start(), Provider::start());
    let plugin = format!(
        "
providers:
  sso:
    jwt:
      issuer: {}
      audiences: [gateway]
      algorithms: [RS256]
      jwks: {{discovery: {{cluster: idp, timeout: 10s, unknown_key_interval: 1s}}}}
rules: [{{require: sso}}]
forward: {{consumer_header: x-consumer}}
",
        provider.issuer
    );
    let envoy = config(&echo, &plugin, &[("idp", Some(provider.address))])
        .workers(2)
        .start();
    let ann = provider.sign_in("ann", "gateway");
    let answer = get(&envoy, "/", &ann);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.echoed().header("x-consumer"), ["ann"]);
    assert_eq!(
        status(&envoy, "/", &provider.sign_in("ann", "another")),
        401
    );

    provider.rotate();
    let bob = provider.sign_in("bob", "gateway");
    let answer = get(&envoy, "/", &bob);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.echoed().header("x-consumer"), ["bob"]);
    until("all workers to forget the old key", || {
        (0..20).all(|_| status(&envoy, "/", &ann) == 401)
    });
    assert_eq!(status(&envoy, "/", &bob), 200);
}
