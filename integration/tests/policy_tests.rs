//! `gatehouse test`, with the modules of `dist/`.

#![allow(
    clippy::disallowed_methods,
    reason = "native test: it has an environment of its own"
)]

use gatehouse_cli::Terminal;
use gatehouse_integration::repository;
use serde_json::Value;

struct Ran {
    code: u8,
    output: String,
    errors: String,
}

fn gatehouse(arguments: &[&str], color: bool) -> Ran {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut terminal = Terminal {
        input: &mut std::io::empty(),
        output: &mut output,
        errors: &mut errors,
        color,
        environment: &|name| std::env::var(name).ok(),
    };
    let dist = repository().join("dist").display().to_string();
    let all = [&["gatehouse", "test", "--modules", &dist], arguments].concat();
    let code = gatehouse_cli::run(all, &mut terminal);
    // Where the checkout is, is nobody's business; nor is how long it took.
    let root = format!("{}/", repository().display());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").replace(&root, "");
    Ran {
        code,
        output: text(output),
        errors: text(errors),
    }
}

fn path(name: &str) -> String {
    repository().join(name).display().to_string()
}

/// Whatever follows a marker up to the end of a number is 0.
fn without_times(text: &str, marker: &str) -> String {
    let mut parts = text.split(marker);
    let mut cleaned = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || ".e-".contains(c));
        cleaned += &format!("{marker}0{rest}");
    }
    cleaned
}

/// Compares with a file; with GATEHOUSE_BLESS, writes it.
fn assert_golden(name: &str, got: &str) {
    let file = repository()
        .join("integration/testdata/policy-tests")
        .join(name);
    if std::env::var_os("GATEHOUSE_BLESS").is_some() {
        std::fs::write(&file, got).expect("written");
    }
    let expected = std::fs::read_to_string(&file).expect("the golden file");
    assert!(expected == got, "{name} differs; it is now:\n{got}");
}

const FAILING: &str = "integration/testdata/policy-tests/failing.yaml";

#[test]
fn the_suite_of_the_example_passes() {
    let ran = gatehouse(&[&path("examples/policy-tests")], false);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{}", ran.output);
    let cases = ran.output.matches(" ... ok\n").count();
    assert!(cases >= 25, "{cases}");
    assert!(ran.output.contains(&format!(
        "test result: ok. {cases} passed; 0 failed; 0 filtered out"
    )));
}

#[test]
fn what_is_not_as_expected_is_said() {
    let ran = gatehouse(&[&path(FAILING)], false);
    assert_eq!((ran.code, ran.errors.as_str()), (1, ""));
    assert_golden("failing.txt", &without_times(&ran.output, "finished in "));

    let colored = gatehouse(&[&path(FAILING)], true);
    let plain = ["\x1b[32m", "\x1b[31m", "\x1b[0m"]
        .iter()
        .fold(colored.output.clone(), |text, code| text.replace(code, ""));
    assert!(colored.output.contains("\x1b[31mFAILED\x1b[0m"));
    assert_eq!(
        without_times(&plain, "finished in "),
        without_times(&ran.output, "finished in ")
    );
}

#[test]
fn reports_for_machines() {
    let json = gatehouse(&["--format", "json", &path(FAILING)], true);
    assert_eq!((json.code, json.errors.as_str()), (1, ""));
    let report: Value = serde_json::from_str(&json.output).expect("JSON");
    assert_golden(
        "failing.json",
        &without_times(&json.output, "\"seconds\": "),
    );

    let junit = gatehouse(&["--format", "junit", &path(FAILING)], true);
    assert_eq!((junit.code, junit.errors.as_str()), (1, ""));
    assert_golden("failing.xml", &without_times(&junit.output, "time=\""));
    let document = roxmltree::Document::parse(&junit.output).expect("XML");
    let suites = document.root_element();
    assert_eq!(suites.tag_name().name(), "testsuites");
    let count = |name: &str| {
        let elements = document.descendants();
        elements.filter(|node| node.has_tag_name(name)).count()
    };
    assert_eq!(
        suites.attribute("tests"),
        Some(count("testcase").to_string().as_str())
    );
    assert_eq!(
        suites.attribute("failures"),
        Some(count("failure").to_string().as_str())
    );
    assert_eq!(report["failed"], count("failure"));
}

#[test]
fn cases_are_chosen_by_name() {
    let suite = path(FAILING);
    let names = |arguments: &[&str]| {
        let ran = gatehouse(&[arguments, &["--list", &suite]].concat(), false);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
        ran.output
    };
    assert!(
        names(&[])
            .contains("what is as expected: test\ndenied though allowed was expected: test\n")
    );
    assert_eq!(
        names(&["--filter", "though", "--filter", "details"]),
        "denied though allowed was expected: test\nallowed though denied was expected: test\ndetails: test\n\n3 tests\n"
    );
    assert_eq!(
        names(&["--exact", "--filter", "upstream"]),
        "upstream: test\n\n1 test\n"
    );

    let ran = gatehouse(&["--filter", "what is as", &suite], false);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
    assert!(ran.output.contains("test what is as expected ... ok\n"));
    let ran = gatehouse(&["--filter", "what is at", &suite], false);
    assert_eq!(
        (ran.code, ran.errors.as_str()),
        (1, "gatehouse: no case has such a name\n")
    );
}

/// Each case has filters of its own: neither the number of threads nor the order shows.
#[test]
fn results_are_the_same_whatever_runs_beside() {
    let suite = path("examples/policy-tests");
    let runs: Vec<String> = ["1", "2", "7"]
        .iter()
        .map(|jobs| gatehouse(&["--jobs", jobs, &suite], false).output)
        .map(|output| without_times(&output, "finished in "))
        .collect();
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}

#[test]
fn what_cannot_be_read_or_run() {
    let ran = gatehouse(&[&path("nowhere.yaml"), &path(FAILING)], false);
    assert_eq!(
        (ran.code, ran.output.as_str(), ran.errors.as_str()),
        (
            2,
            "",
            "nowhere.yaml: No such file or directory (os error 2)\n"
        )
    );
    let ran = gatehouse(&[&path("integration/src")], false);
    assert_eq!(
        (ran.code, ran.errors.as_str()),
        (2, "gatehouse: integration/src: no .yaml file is in it\n")
    );
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut terminal = Terminal {
        input: &mut std::io::empty(),
        output: &mut output,
        errors: &mut errors,
        color: false,
        environment: &|_| None,
    };
    let suite = path("examples/policy-tests");
    let arguments = [
        "gatehouse",
        "test",
        "--filter",
        "staff",
        "--modules",
        "/nowhere",
        &suite,
    ];
    assert_eq!(gatehouse_cli::run(arguments, &mut terminal), 1);
    let output = String::from_utf8(output).expect("UTF-8");
    assert!(
        output.contains(
            "    + gatehouse_gateway: its module is not there; looked for /nowhere/gatehouse_gateway.wasm \
             (scripts/build makes it, --modules DIR says where it is)\n"
        ),
        "{output}"
    );
}

/// The suites of the documentation are what it says of them.
#[test]
fn every_suite_of_the_documentation_passes() {
    let readme = repository().join("crates/policy-test/README.md");
    let text = std::fs::read_to_string(&readme).expect("the README");
    let folder = tempfile::tempdir().expect("a folder");
    let blocks: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        let block = block.replace("envoy/gateway.yaml", &path("envoy/gateway.yaml"));
        let file = folder.path().join(format!("{number}.yaml"));
        std::fs::write(&file, &block).expect("written");
        let ran = gatehouse(&[&file.display().to_string()], false);
        assert_eq!(
            (ran.code, ran.errors.as_str()),
            (0, ""),
            "{block}\n{}",
            ran.output
        );
    }
    // What is printed of the first.
    let console = text.split("```console\n").nth(1).expect("what is printed");
    let (command, printed) = console.split_once('\n').expect("a command");
    assert_eq!(command, "$ gatehouse test keys.yaml");
    let printed = printed.split("```").next().unwrap_or_default();
    let (printed, code) = printed.split_once("$ echo $?\n").expect("the exit code");
    let file = folder.path().join("keys.yaml");
    let block = blocks[0].replace("envoy/gateway.yaml", &path("envoy/gateway.yaml"));
    std::fs::write(&file, block).expect("written");
    let ran = gatehouse(&[&file.display().to_string()], false);
    let folder = format!("{}/", folder.path().display());
    let marker = "finished in ";
    assert_eq!(
        without_times(&ran.output.replace(&folder, ""), marker),
        without_times(printed, marker)
    );
    assert_eq!(format!("{}\n", ran.code), code);
}
