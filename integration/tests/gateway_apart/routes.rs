//! Filters that decide by Envoy's route, behind one that changes the request.

use super::pair::{Endpoints, Pair, manager};
use gatehouse_integration::{Echo, Envoy};
use serde_json::{Value, json};

/// What the filters see of the route is what Envoy chose before the first of them; the request goes where the headers say
/// that it leaves with.
#[test]
fn a_route_that_a_filter_changes() {
    const FILTERS: &str = r#"
- headers: {rules: [{request: [{set: {name: x-plan, value: gold}}]}]}
- headers:
    rules:
    - {match: {route: [gold]}, request: [{set: {name: x-seen, value: gold}}]}
    - {request: [{set: {name: x-seen, value: rest}}]}
"#;
    let echo = Echo::start();
    let pair = Pair::start(FILTERS, Endpoints::of(&echo), |_| {});
    let seen = pair.both("seen", |envoy| {
        let response = envoy.request("GET", "/").header("x-case", "route").send();
        response.echoed().header("x-seen").join(",")
    });
    assert_eq!(seen, "rest");
    let (lines, _) = pair.compare("route", 1);
    assert!(lines[0].ends_with("route=gold"), "{lines:?}");
}

const REWRITE: &str = "
- headers: {rules: [{request: [{path: {prefix: /v1, with: /}}]}]}
";
const AUTH: &str = r#"
- auth:
    providers: {keys: {api_key: {from: [{header: x-api-key}], consumers: [{name: dev, key: "${env:DEV_KEY}"}]}}}
    rules: [{match: {route: [admin]}, require: keys}, {allow: anonymous}]
"#;

/// Two routes, of which one is for those with a key.
fn routes(root: &mut Value) {
    manager(root)["route_config"]["virtual_hosts"][0]["routes"] = json!([
        {"name": "admin", "match": {"prefix": "/admin"}, "route": {"cluster": "echo"}},
        {"name": "open", "match": {"prefix": "/"}, "route": {"cluster": "echo"}},
    ]);
}

/// A path, and of the separate modules and of the gateway the statuses and where the requests went.
type Outcome = (&'static str, (u16, u16), (String, String));

fn sent(filters: &str, edit: impl Fn(&mut Value)) -> Vec<Outcome> {
    let echo = Echo::start();
    let pair = Pair::start(filters, Endpoints::of(&echo), edit);
    ["/admin/users", "/v1/admin/users", "/v1/a", "/a"]
        .into_iter()
        .enumerate()
        .map(|(number, path)| {
            let (apart, fused) = pair.each(|envoy: &Envoy| {
                let request = envoy.request("GET", path).header("x-case", "route");
                let status = request.send().status;
                let lines = envoy.await_log("STREAM route", number + 1);
                let route = lines.last().and_then(|line| line.rsplit("route=").next());
                (status, route.unwrap_or_default().to_owned())
            });
            (path, (apart.0, fused.0), (apart.1, fused.1))
        })
        .collect()
}

fn to(route: &str) -> (String, String) {
    (route.to_owned(), route.to_owned())
}

/// `auth` behind a filter that changes the path would let in who asks for `/v1/admin`: what Envoy chose first is a route
/// for all. The gateway knows of the change and denies; a module of its own cannot know.
#[test]
fn rules_by_route_behind_a_change_of_the_path() {
    let outcome = sent(&[REWRITE, AUTH].concat(), routes);
    let expected = [
        ("/admin/users", (401, 401), to("admin")),
        ("/v1/admin/users", (200, 500), to("admin")),
        ("/v1/a", (200, 500), to("open")),
        ("/a", (200, 200), to("open")),
    ];
    assert_eq!(outcome, expected);
}

/// In front of it, rules see what the client asked for, which is not what it gets.
#[test]
fn rules_by_route_in_front_of_a_change_of_the_path() {
    let outcome = sent(&[AUTH, REWRITE].concat(), routes);
    let expected = [
        ("/admin/users", (401, 401), to("admin")),
        ("/v1/admin/users", (200, 200), to("admin")),
        ("/v1/a", (200, 200), to("open")),
        ("/a", (200, 200), to("open")),
    ];
    assert_eq!(outcome, expected);
}

/// What the documentation says to do instead: rules about the path, behind the change; and a route that makes it.
#[test]
fn rules_by_path_and_routes_that_change_it() {
    let by_path = AUTH.replace("route: [admin]", "path: {prefix: /admin}");
    let outcome = sent(&[REWRITE, &by_path].concat(), routes);
    let statuses: Vec<_> = outcome.iter().map(|(_, statuses, _)| *statuses).collect();
    assert_eq!(statuses, [(401, 401), (401, 401), (200, 200), (200, 200)]);

    let outcome = sent(AUTH, |root| {
        routes(root);
        let routes = &mut manager(root)["route_config"]["virtual_hosts"][0]["routes"];
        let routes = routes.as_array_mut().expect("routes");
        for (prefix, name, rewrite) in [("/v1/", "open", "/"), ("/v1/admin", "admin", "/admin")] {
            let action = json!({"cluster": "echo", "prefix_rewrite": rewrite});
            routes.insert(
                0,
                json!({"name": name, "match": {"prefix": prefix}, "route": action}),
            );
        }
    });
    let statuses: Vec<_> = outcome.iter().map(|(_, statuses, _)| *statuses).collect();
    assert_eq!(statuses, [(401, 401), (401, 401), (200, 200), (200, 200)]);
}

/// A filter of Envoy's own between two modules, that looks for a configuration of its own in the route, makes Envoy choose.
#[test]
fn a_filter_between_that_asks_for_the_route() {
    let outcome = sent(&[REWRITE, AUTH].concat(), |root| {
        routes(root);
        let filters = manager(root)["http_filters"].as_array_mut();
        let filters = filters.expect("filters");
        if filters.len() == 3 {
            let cors =
                json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"});
            filters.insert(
                1,
                json!({"name": "envoy.filters.http.cors", "typed_config": cors}),
            );
        }
    });
    let apart: Vec<_> = outcome.iter().map(|(_, statuses, _)| statuses.0).collect();
    assert_eq!(apart, [401, 401, 200, 200]);
}
