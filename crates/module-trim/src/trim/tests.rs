use super::*;

/// A module that exports the life-cycle callbacks, three others, and `$only_log`, which nothing but
/// `proxy_on_log` calls.
fn module(sections: &[&str]) -> Vec<u8> {
    let sections: String = sections
        .iter()
        .map(|content| format!("(@custom \"gatehouse.callbacks\" \"{content}\")\n"))
        .collect();
    wat::parse_str(format!(
        r#"(module
            (memory (export "memory") 1)
            (global (export "proxy_on_global") i32 (i32.const 1))
            (func $life)
            (func $headers (export "proxy_on_request_headers"))
            (func (export "proxy_on_response_headers"))
            (func $only_log (export "not_a_callback_helper") (nop))
            (func $deep (nop) (nop))
            (func (export "proxy_on_log") (call $deep))
            (export "proxy_on_configure" (func $life))
            (export "proxy_on_context_create" (func $life))
            (export "proxy_on_delete" (func $life))
            (export "proxy_on_memory_allocate" (func $life))
            (export "proxy_on_vm_start" (func $life))
            (export "_initialize" (func $life))
            (export "proxy_abi_version_0_2_1" (func $life))
            {sections}
            (@custom "producers" "\00")
        )"#
    ))
    .unwrap()
}

/// Names of the exports of an encoded module, sorted.
fn exports(encoded: &[u8]) -> Vec<String> {
    let module = Module::from_buffer(encoded).unwrap();
    let mut names: Vec<_> = module
        .exports
        .iter()
        .map(|export| export.name.clone())
        .collect();
    names.sort();
    names
}

#[test]
fn keeps_declared_and_life_cycle_callbacks() {
    struct Case {
        name: &'static str,
        sections: &'static [&'static str],
        declared: &'static [&'static str],
        removed: usize,
    }
    let cases = [
        Case {
            name: "an empty declaration",
            sections: &[""],
            declared: &[],
            removed: 4,
        },
        Case {
            name: "one callback, no newline at the end",
            sections: &["proxy_on_request_headers"],
            declared: &["proxy_on_request_headers"],
            removed: 3,
        },
        Case {
            name: "concatenated content with blank lines and repeats",
            sections: &[
                r"proxy_on_request_headers\n\nproxy_on_response_headers\nproxy_on_request_headers\n",
            ],
            declared: &["proxy_on_request_headers", "proxy_on_response_headers"],
            removed: 2,
        },
        Case {
            name: "several sections are a union",
            sections: &[r"proxy_on_request_headers\n", r"proxy_on_log\n"],
            declared: &["proxy_on_log", "proxy_on_request_headers"],
            removed: 2,
        },
        Case {
            name: "a life-cycle callback may be declared too",
            sections: &[r"proxy_on_configure\n"],
            declared: &[],
            removed: 4,
        },
    ];
    for case in cases {
        let trimmed = trim(&module(case.sections)).unwrap();
        let mut kept: Vec<String> = ALWAYS_KEPT
            .iter()
            .chain(case.declared)
            .map(|name| (*name).to_owned())
            .collect();
        kept.sort();
        assert_eq!(trimmed.kept, kept, "{}: callbacks", case.name);
        assert_eq!(trimmed.removed, case.removed, "{}: removed", case.name);

        let others = [
            "_initialize",
            "memory",
            "not_a_callback_helper",
            "proxy_abi_version_0_2_1",
            "proxy_on_global",
        ];
        kept.extend(others.map(str::to_owned));
        kept.sort();
        assert_eq!(exports(&trimmed.module), kept, "{}: exports", case.name);
    }
}

#[test]
fn drops_what_nothing_reaches_and_keeps_function_names() {
    let trimmed = trim(&module(&["proxy_on_request_headers"])).unwrap();
    let module = Module::from_buffer(&trimmed.module).unwrap();

    let mut names: Vec<_> = module
        .funcs
        .iter()
        .filter_map(|function| function.name.as_deref())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["headers", "life", "only_log"]);

    let customs: Vec<_> = module
        .customs
        .iter()
        .map(|(_, section)| section.name().to_owned())
        .collect();
    assert!(customs.is_empty(), "custom sections left: {customs:?}");
}

#[test]
fn refuses() {
    struct Case {
        name: &'static str,
        encoded: Vec<u8>,
        error: &'static str,
    }
    let cases = [
        Case {
            name: "no section",
            encoded: module(&[]),
            error: "no custom section gatehouse.callbacks: the module declares no callbacks",
        },
        Case {
            name: "a declared callback that is not exported",
            encoded: module(&[r"proxy_on_tick\nproxy_on_request_headers\n"]),
            error: r#"declared in gatehouse.callbacks but not exported: ["proxy_on_tick"]"#,
        },
        Case {
            name: "a declared callback that is exported, but not as a function",
            encoded: module(&["proxy_on_global"]),
            error: r#"declared in gatehouse.callbacks but not exported: ["proxy_on_global"]"#,
        },
        Case {
            name: "a name that is not a callback",
            encoded: module(&["malloc"]),
            error: r#"gatehouse.callbacks declares "malloc", which is not a callback: callbacks start with proxy_on_"#,
        },
        Case {
            name: "not UTF-8",
            encoded: module(&[r"\ff"]),
            error: "gatehouse.callbacks is not UTF-8",
        },
    ];
    for case in cases {
        let Err(error) = trim(&case.encoded) else {
            panic!("{}: accepted", case.name)
        };
        assert_eq!(error.to_string(), case.error, "{}", case.name);
    }
    assert!(trim(b"").is_err(), "an empty file");
    assert!(trim(b"\0asm\x01\0\0\0\xff").is_err(), "a truncated module");
}

#[test]
fn names_are_readable() {
    let encoded = wat::parse_str(
        r#"(module
            (func $_ZN3foo3bar17h05af221e174051e9E (export "proxy_on_configure"))
            (func $plain (export "proxy_on_context_create"))
            (func $_ZN14gatehouse_auth6decide17h05af221e174051e9E (export "proxy_on_vm_start"))
            (func $_ZN4core9panicking5panic17h05af221e174051e9E (export "proxy_on_memory_allocate"))
            (func $_ZN69_$LT$gatehouse_auth..Filter$u20$as$u20$gatehouse_host..HttpFilter$GT$7request17h05af221e174051e9E (export "life"))
            (func $_ZN4core3ptr43drop_in_place$LT$gatehouse_auth..Config$GT$17h05af221e174051e9E (export "death"))
            (@custom "gatehouse.callbacks" "")
        )"#,
    )
    .unwrap();
    let trimmed = trim(&encoded).unwrap();
    let module = Module::from_buffer(&trimmed.module).unwrap();
    let mut names: Vec<_> = module
        .funcs
        .iter()
        .filter_map(|function| function.name.as_deref())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "<auth::Filter as host::HttpFilter>::request",
            "auth::decide",
            "core::panicking::panic",
            "plain"
        ]
    );
}
