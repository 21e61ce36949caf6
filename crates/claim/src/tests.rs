use super::*;
use serde_json::json;

fn decode(value: Value) -> Result<ClaimRef, String> {
    gatehouse_config::load_value(&value, &|_: &str| None).map_err(|problems| problems.to_string())
}

fn claims() -> Map<String, Value> {
    let claims = json!({
        "sub": "ann",
        "email": "ann@example.com",
        "level": 3,
        "half": 0.5,
        "whole": 3.0,
        "large": 9_007_199_254_740_993_u64,
        "negative": -3,
        "verified": true,
        "nothing": null,
        "empty": "",
        "none": [],
        "nulls": [null],
        "roles": ["reader", "writer"],
        "mixed": [1, "two", false, null, {"a": "b"}, ["deep"]],
        "realm_access": {"roles": ["admin"], "": "odd", "01": "text"},
        "bare": {},
        "https://example.com/roles": ["url"],
        "a/b": {"m~n": "escaped", "~1": "twice"},
        "/slash": "slash",
        "list": [{"id": 1}, {"id": 2}],
        "": {"": "odd"},
    });
    claims.as_object().unwrap().clone()
}

#[test]
fn references() {
    let cases = [
        ("a name", "sub", Some(json!("ann"))),
        ("a URL", "https://example.com/roles", Some(json!(["url"]))),
        ("dots are of the name", "realm_access.roles", None),
        ("a slash inside is of the name", "realm_access/roles", None),
        ("a pointer", "/realm_access/roles", Some(json!(["admin"]))),
        ("a pointer to a claim", "/sub", Some(json!("ann"))),
        ("escapes", "/a~1b/m~0n", Some(json!("escaped"))),
        ("~01 is ~1, not /", "/a~1b/~01", Some(json!("twice"))),
        (
            "a name with a slash in front",
            "/~1slash",
            Some(json!("slash")),
        ),
        ("an element", "/roles/1", Some(json!("writer"))),
        ("within an element", "/list/1/id", Some(json!(2))),
        ("after the last", "/roles/2", None),
        ("RFC 6901's end of the list", "/roles/-", None),
        ("leading zero", "/roles/01", None),
        ("a sign", "/roles/+1", None),
        (
            "a number no index can be",
            "/roles/99999999999999999999",
            None,
        ),
        ("digits as a name", "/realm_access/01", Some(json!("text"))),
        ("below a text", "/sub/0", None),
        ("below a number", "/level/0", None),
        ("below nothing", "/nothing/x", None),
        ("not there", "absent", None),
        ("not there, deep", "/absent/x/y", None),
        ("null", "nothing", None),
        ("empty", "empty", Some(json!(""))),
    ];
    for (name, reference, expected) in cases {
        let reference = decode(json!(reference)).unwrap();
        assert_eq!(reference.find(&claims()), expected.as_ref(), "{name}");
    }
    let slash = ClaimRef::named("/slash");
    assert_eq!(slash.find(&claims()), Some(&json!("slash")));
}

#[test]
fn mistakes() {
    let cases = [
        (json!(""), "a claim's name cannot be empty"),
        (json!(7), "expected a text, found the number 7"),
        (
            json!("/a~b"),
            "\"/a~b\" is not a JSON pointer (write \"~0\" for \"~\" and \"~1\" for \"/\" within a name)",
        ),
        (
            json!("/a//b"),
            "\"/a//b\" has an empty name (a pointer is \"/\" and a name, as often as needed)",
        ),
    ];
    for (written, expected) in cases {
        assert_eq!(decode(written).unwrap_err(), expected);
    }
}

#[test]
fn shown() {
    for written in ["org", "a/b", "/realm_access/roles", "/a~1b/m~0n"] {
        assert_eq!(decode(json!(written)).unwrap().to_string(), written);
    }
}
