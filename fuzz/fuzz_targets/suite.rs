//! Suites of policy tests: whatever is in one, reading it ends, and each of its problems has a place in it.

#![no_main]

use gatehouse_policy_test::Suite;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    // No file is read, and keys of RSA take a second to make.
    let text = text.replace("RS", "ES").replace("PS", "ES").replace('/', "|");
    if let Err(problems) = Suite::parse(&text, Path::new("/nowhere/suite.yaml")) {
        assert!(!problems.is_empty());
        for problem in problems {
            let position = problem.position.map(|at| (at.line >= 1, at.column >= 1));
            assert!(matches!(position, None | Some((true, true))), "{problem}");
        }
    }
});
