//! Each kind of key part on stock Envoy: which requests share a bucket, also of consumers that the auth
//! module before this one established, and what hostile values do.

use std::fs;

use gatehouse_integration::{Config, Echo, Envoy, Request, config, repository};
use serde_json::{Value, json};

const FILE: &str = "envoy/rate-limit.yaml";

/// Where the filters stand in the files.
const FILTERS: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// One limit with this key, one more a day, and a template that names a segment.
fn limit(key: &str, burst: u32, more: &str) -> String {
    format!(
        "limits: [{{name: a, key: [{key}], rate: 1/1d, burst: {burst}, \
         match: {{path: {{template: '/v1/{{id}}/{{rest=**}}'}}}}{more}}}]"
    )
}

fn counted(envoy: &Envoy, what: &str) -> u64 {
    envoy.stat(&format!("wasmcustom.gatehouse.rate_limit.{what}.limit.a"))
}

/// The request with these headers, to this path.
fn request(envoy: &Envoy, (method, path, headers): (&str, &str, &[(&str, &[u8])])) -> Request {
    let request = envoy.request(method, path);
    headers.iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

#[test]
fn each_part_of_a_request() {
    type Sent<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [u8])]);
    let plain: Sent<'_> = ("GET", "/v1/7", &[]);
    let cases: [(&str, Sent<'_>, Sent<'_>, Sent<'_>); 8] = [
        // A request, one that shares its bucket, one that does not.
        (
            "{cookie: sid}",
            ("GET", "/v1/7", &[("cookie", b"a=1; sid=x")]),
            ("GET", "/v1/8", &[("cookie", b"sid=x")]),
            ("GET", "/v1/7", &[("cookie", b"sid=\xff")]),
        ),
        (
            "{query: q}",
            ("GET", "/v1/7?q=x", &[]),
            ("GET", "/v1/7?a=b&%71=%78", &[]),
            ("GET", "/v1/7?q=%ff", &[]),
        ),
        (
            "method",
            plain,
            ("GET", "/v1/8", &[]),
            ("POST", "/v1/7", &[]),
        ),
        (
            "path",
            plain,
            ("POST", "//v1/./%37/;a=b", &[]),
            ("GET", "/v1/7/x", &[]),
        ),
        (
            "{path_param: id}",
            plain,
            ("GET", "/v1/7/x/y", &[]),
            ("GET", "/v1/8", &[]),
        ),
        (
            "host",
            ("GET", "/v1/7", &[("host", b"a.test")]),
            ("GET", "/v1/7", &[("host", b"A.TEST:8080")]),
            ("GET", "/v1/7", &[("host", b"b.test")]),
        ),
        (
            "{header: x-tenant}",
            ("GET", "/v1/7", &[("x-tenant", b"\xff\xfe")]),
            ("PUT", "/v1/7", &[("x-tenant", b"\xff\xfe")]),
            ("GET", "/v1/7", &[("x-tenant", b"\xff")]),
        ),
        (
            "client_ip, {const: all}, method",
            plain,
            ("GET", "/v1/8", &[("x-forwarded-for", b"192.0.2.1")]),
            ("POST", "/v1/7", &[]),
        ),
    ];
    let echo = Echo::start();
    for (key, first, same, other) in cases {
        let envoy = Config::load(FILE)
            .upstream(&echo)
            .plugin(&limit(key, 1, ""))
            .workers(2)
            .start();
        let statuses = [first, same, other, first].map(|sent| request(&envoy, sent).send().status);
        assert_eq!(statuses, [200, 429, 200, 429], "{key}");
    }
}

/// What has no one value is refused, says why, and costs nobody anything.
#[test]
fn hostile_values() {
    let echo = Echo::start();
    let envoy = Config::load(FILE)
        .upstream(&echo)
        .plugin(&limit(
            "{header: x-a}, {cookie: c}, {query: q}, host, path, method",
            2,
            "",
        ))
        .start();
    let long = vec![b'a'; 16 * 1024];
    let cookie = [b"c=".as_slice(), &long].concat();
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [u8])]);
    let ambiguous: [Case<'_>; 5] = [
        (
            "header x-a has several values",
            "/v1/7",
            &[("x-a", b"1"), ("x-a", b"1")],
        ),
        (
            "cookie c has several values",
            "/v1/7",
            &[("cookie", b"c=1; c=1")],
        ),
        (
            "cookie c has several values",
            "/v1/7",
            &[("cookie", b"c=1"), ("cookie", b"c=2")],
        ),
        ("query parameter q has several values", "/v1/7?q=1&q=1", &[]),
        (
            "host is not one value",
            "/v1/7",
            &[("host", b"user@a.test")],
        ),
    ];
    for (detail, path, headers) in ambiguous {
        let response = request(&envoy, ("GET", path, headers)).send();
        assert_eq!(response.status, 400, "{detail}");
        assert_eq!(response.json()["detail"], format!("limit \"a\": {detail}"));
    }
    assert_eq!(counted(&envoy, "key_ambiguous"), 5);
    let large: [(&str, &[u8]); 2] = [("x-a", &long), ("cookie", &cookie)];
    let path = format!("/v1/7?q={}", "%ff".repeat(4 * 1024));
    let statuses = [(); 3].map(|()| request(&envoy, ("GET", &path, &large)).send().status);
    assert_eq!(statuses, [200, 200, 429]);
    assert_eq!(counted(&envoy, "admitted"), 2);
    assert!(!envoy.log().contains("proxy_on"), "no trap");
}

/// The auth module of `envoy/auth.yaml` before this one, with consumers in groups, and a token.
fn behind_auth(echo: &Echo, plugin: &str) -> Envoy {
    let text = fs::read_to_string(repository().join("envoy/auth.yaml")).expect("the file");
    let mut auth = config::yaml(&text).pointer(FILTERS).expect("filters")[0].clone();
    let settings = &mut auth["typed_config"]["config"]["configuration"]["value"];
    settings["providers"]["partners"] = json!({"api_key": {
        "from": [{"header": "x-api-key"}],
        "consumers": [
            {"name": "acme", "key_sha256": "a3c69185a3add9800cdd7372609c466230b71cc509d46597adf484e0a7851795", "groups": ["gold", "all"]},
            {"name": "beta", "key_sha256": "2ceef8e068cde6846b1927df61a93f21ff955c66b310d0181260a84e5c34a8d7", "groups": ["all", "gold"]},
            {"name": "test-1", "key_sha256": "0b026dcaf52dd2d7e8b377ed75182bfcc65497aff885b3a37dd1be1a75ca394d", "groups": ["all"]},
        ],
    }});
    settings["rules"] = json!([{"require": {"any_of": ["partners", "sso"]}}]);
    Config::load(FILE)
        .upstream(echo)
        .plugin(plugin)
        .edit(|root: &mut Value| {
            let filters = root.pointer_mut(FILTERS).expect("filters");
            filters.as_array_mut().expect("a list").insert(0, auth);
        })
        .start()
}

/// How many of ten requests with this header are admitted.
fn admitted(envoy: &Envoy, header: (&str, &str)) -> usize {
    let requests = (0..10).map(|_| {
        let request = envoy.request("GET", "/v1/7").header(header.0, header.1);
        request.send().status
    });
    requests.filter(|status| *status == 200).count()
}

#[test]
fn consumers_of_a_module_before() {
    let jwt =
        fs::read_to_string(repository().join("examples/api-gateway/ann.jwt")).expect("a token");
    let bearer = format!("Bearer {}", jwt.trim());
    let acme = ("x-api-key", "acme-key-0123456789");
    let beta = ("x-api-key", "beta-key-0123456789");
    let test = ("x-api-key", "test-key-0123456789");
    let ann = ("authorization", bearer.as_str());
    let tiers = ", overrides: [{key: {consumer: {prefix: test-}}, burst: 2}, {key: {group: gold}, burst: 5}]";
    let orgs = ", if_absent: skip, overrides: [{key: {claim: {email: {prefix: ann@}}}, burst: 3}]";
    let cases = [
        ("consumer", tiers, [5, 5, 2, 1]),
        // Who is in the same groups shares a bucket.
        (
            "group",
            ", overrides: [{key: {group: gold}, burst: 5}]",
            [5, 0, 1, 1],
        ),
        ("{claim: email}", orgs, [10, 10, 10, 3]),
    ];
    let echo = Echo::start();
    for (key, more, expected) in cases {
        let envoy = behind_auth(&echo, &limit(key, 1, more));
        let found = [acme, beta, test, ann].map(|header| admitted(&envoy, header));
        assert_eq!(found, expected, "{key}");
    }
}
