use super::*;
use serde_json::json;

fn decode<T: Decode>(value: Value) -> Result<T, String> {
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
fn requirements() {
    let cases = [
        ("exact", json!({"claim": "sub", "exact": "ann"}), true),
        (
            "exact, other",
            json!({"claim": "sub", "exact": "an"}),
            false,
        ),
        (
            "case counts",
            json!({"claim": "sub", "exact": "Ann"}),
            false,
        ),
        ("prefix", json!({"claim": "sub", "prefix": "an"}), true),
        (
            "prefix, other",
            json!({"claim": "sub", "prefix": "nn"}),
            false,
        ),
        (
            "suffix",
            json!({"claim": "email", "suffix": "@example.com"}),
            true,
        ),
        (
            "suffix, other",
            json!({"claim": "email", "suffix": "@xample.com"}),
            false,
        ),
        (
            "regex",
            json!({"claim": "email", "regex": "[a-z]+@example\\.com"}),
            true,
        ),
        (
            "regex, a part",
            json!({"claim": "email", "regex": "@example"}),
            false,
        ),
        (
            "regex, alternatives",
            json!({"claim": "email", "regex": "x|ann"}),
            false,
        ),
        (
            "one of",
            json!({"claim": "sub", "one_of": ["bob", "ann"]}),
            true,
        ),
        (
            "none of",
            json!({"claim": "sub", "one_of": ["bob", "eve"]}),
            false,
        ),
        ("present", json!({"claim": "sub", "present": true}), true),
        (
            "present, false",
            json!({"claim": "verified", "present": true}),
            true,
        ),
        (
            "present, number",
            json!({"claim": "level", "present": true}),
            true,
        ),
        (
            "present, object",
            json!({"claim": "realm_access", "present": true}),
            true,
        ),
        (
            "present, list",
            json!({"claim": "roles", "present": true}),
            true,
        ),
        (
            "present, not there",
            json!({"claim": "absent", "present": true}),
            false,
        ),
        (
            "present, null",
            json!({"claim": "nothing", "present": true}),
            false,
        ),
        (
            "present, empty text",
            json!({"claim": "empty", "present": true}),
            false,
        ),
        (
            "present, empty list",
            json!({"claim": "none", "present": true}),
            false,
        ),
        (
            "present, list of null",
            json!({"claim": "nulls", "present": true}),
            false,
        ),
        (
            "present, empty object",
            json!({"claim": "bare", "present": true}),
            false,
        ),
        (
            "not there",
            json!({"claim": "absent", "exact": "ann"}),
            false,
        ),
        (
            "null is no text",
            json!({"claim": "nothing", "exact": "null"}),
            false,
        ),
        (
            "empty is exactly empty",
            json!({"claim": "empty", "exact": ""}),
            true,
        ),
        ("number", json!({"claim": "level", "exact": 3}), true),
        (
            "number, as a double",
            json!({"claim": "level", "exact": 3.0}),
            true,
        ),
        (
            "number, of a double",
            json!({"claim": "whole", "exact": 3}),
            true,
        ),
        (
            "number, other",
            json!({"claim": "level", "exact": 4}),
            false,
        ),
        (
            "number, negative",
            json!({"claim": "negative", "one_of": [3, -3]}),
            true,
        ),
        (
            "number, a fraction",
            json!({"claim": "half", "exact": 0.5}),
            true,
        ),
        (
            "number, for a text",
            json!({"claim": "level", "exact": "3"}),
            false,
        ),
        (
            "number, no text's prefix",
            json!({"claim": "level", "prefix": "3"}),
            false,
        ),
        (
            "number, no text's regex",
            json!({"claim": "level", "regex": "3"}),
            false,
        ),
        (
            "large number",
            json!({"claim": "large", "exact": 9_007_199_254_740_991_u64}),
            false,
        ),
        ("boolean", json!({"claim": "verified", "exact": true}), true),
        (
            "boolean, other",
            json!({"claim": "verified", "exact": false}),
            false,
        ),
        (
            "boolean, for a text",
            json!({"claim": "verified", "exact": "true"}),
            false,
        ),
        (
            "boolean, for a number",
            json!({"claim": "verified", "exact": 1}),
            false,
        ),
        (
            "any element",
            json!({"claim": "roles", "exact": "writer"}),
            true,
        ),
        (
            "no element",
            json!({"claim": "roles", "exact": "writ"}),
            false,
        ),
        (
            "not the elements together",
            json!({"claim": "roles", "exact": "reader,writer"}),
            false,
        ),
        ("mixed, number", json!({"claim": "mixed", "exact": 1}), true),
        (
            "mixed, boolean",
            json!({"claim": "mixed", "exact": false}),
            true,
        ),
        (
            "mixed, suffix",
            json!({"claim": "mixed", "suffix": "wo"}),
            true,
        ),
        (
            "object in a list",
            json!({"claim": "mixed", "exact": "b"}),
            false,
        ),
        (
            "list in a list",
            json!({"claim": "mixed", "exact": "deep"}),
            false,
        ),
        (
            "object",
            json!({"claim": "realm_access", "regex": ".*"}),
            false,
        ),
        (
            "nested",
            json!({"claim": "/realm_access/roles", "exact": "admin"}),
            true,
        ),
        (
            "no element is the empty one",
            json!({"claim": "none", "regex": ".*"}),
            false,
        ),
    ];
    for (name, requirement, expected) in cases {
        let requirement: ClaimRequirement = decode(requirement).unwrap();
        assert_eq!(requirement.holds(&claims()), expected, "{name}");
    }
}

#[test]
fn mistakes() {
    const KNOWN: &str = "exact, prefix, suffix, regex, one_of, present";
    let cases = [
        (json!({"exact": "a"}), "claim: required, but missing".to_owned()),
        (json!({"claim": ""}), "claim: a claim's name cannot be empty".to_owned()),
        (
            json!({"claim": "/", "exact": "a"}),
            "claim: \"/\" has an empty name (a pointer is \"/\" and a name, as often as needed)".to_owned(),
        ),
        (
            json!({"claim": "/a//b", "exact": "a"}),
            "claim: \"/a//b\" has an empty name (a pointer is \"/\" and a name, as often as needed)".to_owned(),
        ),
        (
            json!({"claim": "/a~b", "exact": "a"}),
            "claim: \"/a~b\" is not a JSON pointer (write \"~0\" for \"~\" and \"~1\" for \"/\" within a name)".to_owned(),
        ),
        (
            json!({"claim": "/a~", "exact": "a"}),
            "claim: \"/a~\" is not a JSON pointer (write \"~0\" for \"~\" and \"~1\" for \"/\" within a name)".to_owned(),
        ),
        (
            json!({"claim": "/a~é", "exact": "a"}),
            "claim: \"/a~é\" is not a JSON pointer (write \"~0\" for \"~\" and \"~1\" for \"/\" within a name)".to_owned(),
        ),
        (json!({"claim": 1, "exact": "a"}), "claim: expected a text, found the number 1".to_owned()),
        (json!({"claim": "a"}), format!("needs one of {KNOWN}")),
        (
            json!({"claim": "a", "exact": "a", "one_of": ["b"]}),
            format!("exact and one_of at once, but only one of {KNOWN} can stand here"),
        ),
        (
            json!({"claim": "a", "present": true, "regex": "b"}),
            format!("regex and present at once, but only one of {KNOWN} can stand here"),
        ),
        (
            json!({"claim": "a", "present": false}),
            "present: a claim cannot be required to be missing".to_owned(),
        ),
        (json!({"claim": "a", "present": "yes"}), "present: expected true or false, found the text \"yes\"".to_owned()),
        (json!({"claim": "a", "equals": "b"}), format!("equals: unknown field (known: claim, {KNOWN})")),
        (json!({"claim": "a", "sufix": "b"}), "sufix: unknown field (did you mean \"suffix\"?)".to_owned()),
        (json!({"claim": "a", "prefix": ""}), "prefix: empty, so any text has it (write \"present: true\")".to_owned()),
        (json!({"claim": "a", "suffix": ""}), "suffix: empty, so any text has it (write \"present: true\")".to_owned()),
        (json!({"claim": "a", "one_of": []}), "one_of: empty, but needs at least one element".to_owned()),
        (
            json!({"claim": "a", "one_of": ["b", null]}),
            "one_of[1]: expected a text, a number or a boolean, found null".to_owned(),
        ),
        (
            json!({"claim": "a", "exact": ["b"]}),
            "exact: expected a text, a number or a boolean, found a list".to_owned(),
        ),
        (
            json!({"claim": "a", "exact": 9_007_199_254_740_993_u64}),
            "exact: 9007199254740993 is too large to be told from its neighbours (have the issuer send a text)".to_owned(),
        ),
        (
            json!({"claim": "a", "regex": "a("}),
            "regex: \"a(\" is not a regular expression: unclosed group".to_owned(),
        ),
        (
            json!({"claim": "a", "regex": "a)|(b"}),
            "regex: \"a)|(b\" is not a regular expression: unopened group".to_owned(),
        ),
        (
            json!({"claim": "a", "regex": "(\\w{1000}){100}"}),
            "regex: the regular expression takes more than 1 MiB when compiled (write smaller counts than in \".{20}\", or several expressions)".to_owned(),
        ),
    ];
    for (requirement, expected) in cases {
        let refused = decode::<ClaimRequirement>(requirement.clone()).unwrap_err();
        assert_eq!(refused, expected, "{requirement}");
    }
}
