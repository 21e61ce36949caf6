//! Who may decide by Envoy's route: it was chosen before the first filter, by the path and the host that the client sent.

use super::*;

const PATH: &str = "- headers: {rules: [{request: [{path: {prefix: /v1, with: /}}]}]}\n";
const PATH_REPORTED: &str =
    "- headers: {mode: report, rules: [{request: [{path: {prefix: /v1, with: /}}]}]}\n";
const CASE: &str = "- headers: {rules: [{request: [{host: {with: A.test}}]}]}\n";
const HOST: &str = "- headers: {rules: [{request: [{host: {with: b.test}}]}]}\n";
/// Neither path nor host.
const REST: &str = "- headers: {rules: [{request: [{set: {name: x-a, value: b}}, {query: {set: {name: a, value: b}}}]}]}\n";
const BY_ROUTE: &str =
    "- headers: {rules: [{match: {route: [open]}, request: [{set: {name: x-b, value: c}}]}]}\n";
/// By its route, and then changes the path.
const BOTH: &str = "- headers: {rules: [{match: {route: [open]}, request: [{path: {prefix: /v1, with: /}}, {set: {name: x-b, value: \"${route}\"}}]}]}\n";

/// `auth` with a rule for requests like these, and another that lets all in.
fn auth(matching: &str) -> String {
    format!(
        r#"
- auth:
    providers: {{keys: {{api_key: {{from: [{{header: x-api-key}}, {{query: key}}], consumers: [{{name: dev, key: "${{env:DEV_KEY}}"}}]}}}}}}
    rules: [{{match: {{{matching}}}, require: keys}}, {{allow: anonymous}}]
    forward: {{consumer_header: x-consumer}}
"#
    )
}

fn limit(more: &str) -> String {
    format!("- rate_limit: {{limits: [{{name: a, rate: 9/1h, {more}}}], response_headers: none}}\n")
}

#[test]
fn a_route_is_no_answer_after_another_filter_changed_path_or_host() {
    const V1: &str = "/v1/admin";
    const WITH_KEY: &str = "/v1/admin?key=dev-key-1";
    const GOES_ON: Result<u16, Status> = Ok(0);
    const UNKNOWN: Result<u16, Status> = Err(Status::Stale);
    let by_route = auth("route: [admin]");
    let by_metadata = auth("metadata: [{filter: a, key: [b], exact: c}]");
    let by_path = auth("path: {prefix: /admin}");
    let of_others = auth("methods: [PUT], route: [admin]");
    let strips = auth("path: {prefix: /}");
    let keyed = limit("key: [route]");
    let lenient = limit("match: {route: [open]}, key: [method], on_error: allow");
    let of_route = limit("match: {route: [open]}, key: [method]");
    let more_for = |key: &str| {
        limit(&format!(
            "key: [route, method], overrides: [{{key: {{{key}}}, rate: 99/1h}}]"
        ))
    };
    let (more_for_route, more_for_method) = (more_for("route: open"), more_for("method: PUT"));
    let more_for_another = more_for("route: admin");
    let more_for_both = more_for("route: admin, method: PUT");
    // The filters, the request's path, what becomes of it.
    type Case<'c> = (&'c str, &'c [&'c str], &'c str, Result<u16, Status>);
    let cases: [Case<'_>; 24] = [
        ("auth after a path", &[PATH, &by_route], V1, UNKNOWN),
        ("auth after a host", &[HOST, &by_route], V1, UNKNOWN),
        ("metadata", &[PATH, &by_metadata], V1, UNKNOWN),
        ("auth before", &[&by_route, PATH], V1, GOES_ON),
        ("a path that stays", &[PATH, &by_route], "/a", GOES_ON),
        (
            "a filter between",
            &[PATH, &strips, &by_route],
            WITH_KEY,
            UNKNOWN,
        ),
        (
            "asked before, too",
            &[&by_route, PATH, &by_route],
            V1,
            UNKNOWN,
        ),
        // It tells requests apart, and decides nothing.
        ("a limit's key", &[PATH, &keyed], V1, GOES_ON),
        ("a limit of a route", &[PATH, &of_route], V1, Ok(503)),
        ("one that allows", &[PATH, &lenient], V1, GOES_ON),
        ("a limit before", &[&of_route, PATH], V1, GOES_ON),
        ("more for a route", &[PATH, &more_for_route], V1, Ok(503)),
        (
            "more for another route",
            &[PATH, &more_for_another],
            V1,
            Ok(503),
        ),
        (
            "that hangs on the method",
            &[PATH, &more_for_both],
            V1,
            GOES_ON,
        ),
        ("more for others", &[PATH, &more_for_method], V1, GOES_ON),
        ("a host in another case", &[CASE, &by_route], V1, GOES_ON),
        ("headers of a route", &[PATH, BY_ROUTE], V1, UNKNOWN),
        ("such headers before", &[BY_ROUTE, PATH], V1, GOES_ON),
        ("the filter that changes it", &[BOTH], V1, GOES_ON),
        (
            "a header, a parameter",
            &[REST, &by_route, &keyed],
            V1,
            GOES_ON,
        ),
        (
            "a credential that is taken out",
            &[&strips, &keyed, BY_ROUTE],
            WITH_KEY,
            GOES_ON,
        ),
        ("auth by path", &[PATH, &by_path], V1, Ok(401)),
        (
            "a change that is reported",
            &[PATH_REPORTED, &by_route],
            V1,
            GOES_ON,
        ),
        // The route is asked about last.
        ("a rule of others", &[PATH, &of_others], V1, GOES_ON),
    ];
    for (name, filters, target, expected) in cases {
        let gateway = Gateway::new(&format!("filters:\n{}", filters.concat()));
        let (outcome, _) = gateway.try_request(&[(":path", target)]);
        assert_eq!(outcome.map_err(|error| error.status), expected, "{name}");
    }
}

#[test]
fn the_log_line_says_why() {
    let gateway = Gateway::new(&format!(
        "filters:\n{HOST}{}",
        limit("match: {route: [open]}, key: [method]")
    ));
    assert_eq!(gateway.request(&[(":path", "/a")]).0, 503);
    assert_eq!(
        gateway.host.log_lines(),
        [
            "Error: limit \"a\": a choice by route after a filter changed path or host is not possible"
        ]
    );
}
