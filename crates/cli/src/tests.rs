//! The command as it is typed.

use crate::{Terminal, run};
use clap::{CommandFactory as _, Parser as _};

/// What came of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Runs `gatehouse` with these arguments, with nothing in the environment.
pub(crate) fn gatehouse(arguments: &[&str], input: &[u8]) -> Ran {
    ran(arguments, input, false)
}

/// The same on a terminal.
pub(crate) fn ran(arguments: &[&str], mut input: &[u8], color: bool) -> Ran {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let mut terminal = Terminal {
        input: &mut input,
        output: &mut output,
        errors: &mut errors,
        color,
        environment: &|_| None,
    };
    let code = run([&["gatehouse"], arguments].concat(), &mut terminal);
    Ran {
        code,
        output: String::from_utf8(output).unwrap(),
        errors: String::from_utf8(errors).unwrap(),
    }
}

#[test]
fn the_command_line_is_sound() {
    crate::command::Gatehouse::command().debug_assert();
}

#[test]
fn every_subcommand_has_help_with_an_example() {
    for subcommand in crate::command::Gatehouse::command().get_subcommands() {
        let name = subcommand.get_name();
        let help = gatehouse(&[name, "--help"], b"");
        assert_eq!((help.code, help.errors.as_str()), (0, ""), "{name}");
        assert!(help.output.contains("Example"), "{name}");
        assert!(
            help.output.contains(&format!("\n  gatehouse {name} ")),
            "{name}"
        );
        examples(&help.output);
    }
    let help = gatehouse(&["--help"], b"");
    assert_eq!((help.code, help.errors.as_str()), (0, ""));
    assert!(examples(&help.output) >= 4);
}

/// Every line of an example is one that the command takes. How many there are.
fn examples(text: &str) -> usize {
    let lines = text.lines().map(str::trim);
    let lines = lines.flat_map(|line| line.split(" | "));
    let commands: Vec<&str> = lines
        .filter(|line| line.starts_with("gatehouse "))
        .map(|line| line.split(['>', '#']).next().unwrap())
        .collect();
    for command in &commands {
        // A shell would put something in the place of a variable.
        let command = command.replace('"', "'");
        let parsed = crate::command::Gatehouse::try_parse_from(words(&command));
        assert!(parsed.is_ok(), "{command}: {}", parsed.err().unwrap());
    }
    commands.len()
}

/// Who reads a line and goes, as `head -1` does, still learns by the exit code what was found.
#[test]
fn a_reader_that_has_read_enough() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }
    for (input, code) in [
        ("limits: [{name: a}]", 1),
        ("limits: [{name: a, key: [method], rate: 1/1s}]", 0),
        ("a: [", 2),
    ] {
        let mut errors = Vec::new();
        let mut terminal = Terminal {
            input: &mut input.as_bytes(),
            output: &mut Gone,
            errors: &mut errors,
            color: false,
            environment: &|_| None,
        };
        let ended = run(["gatehouse", "validate", "-"], &mut terminal);
        assert_eq!((ended, errors.as_slice()), (code, &b""[..]), "{input}");
    }
}

#[test]
fn completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = gatehouse(&["completions", shell], b"");
        assert_eq!(ran.code, 0, "{shell}");
        for word in ["validate", "completions", "env-file", "client-address"] {
            // Elvish and PowerShell complete no values.
            let is_value = word == "client-address" && matches!(shell, "elvish" | "powershell");
            assert!(is_value || ran.output.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn what_makes_no_sense() {
    for (arguments, errors) in [
        (&["valdiate"][..], "a similar subcommand exists: 'validate'"),
        (&["validate"], "required arguments were not provided"),
        (
            &["validate", "--allow", "vmid", "-"],
            "a similar value exists: 'vm-id'",
        ),
        (
            &["validate", "--env", "X", "-"],
            "gatehouse: --env wants NAME=VALUE\n",
        ),
        (
            &["validate", "--env", "=X", "-"],
            "gatehouse: --env wants NAME=VALUE\n",
        ),
        (
            &["validate", "--env-file", "nowhere", "-"],
            "gatehouse: nowhere cannot be read: No such file or directory",
        ),
        (
            &["validate", "--env-file", "Cargo.toml", "-"],
            "gatehouse: Cargo.toml:1: not NAME=VALUE\n",
        ),
        (&[], "Usage: gatehouse <COMMAND>"),
    ] {
        let ran = gatehouse(arguments, b"");
        assert_eq!((ran.code, ran.output.as_str()), (2, ""), "{arguments:?}");
        assert!(ran.errors.contains(errors), "{arguments:?}: {}", ran.errors);
    }
}

/// What the README shows is what is printed, and it names every command and option.
#[test]
fn the_readme() {
    let readme = include_str!("../README.md");
    // Files are named as they are seen from the repository's root.
    let here = |line: &str| {
        line.replace("crates/cli/", "")
            .replace("envoy/", "../../envoy/")
    };
    let mut commands = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut last = None;
        for command in block.split("$ ").skip(1) {
            let (line, output) = command.split_once('\n').unwrap();
            if line == "echo $?" {
                assert_eq!(last.take(), Some(output.to_owned()), "{block}");
                continue;
            }
            commands += 1;
            let line = here(line.strip_prefix("gatehouse ").unwrap());
            let ran = gatehouse(&words(&line), b"");
            assert_eq!(ran.output, here(output), "gatehouse {line}: {}", ran.errors);
            last = Some(format!("{}\n", ran.code));
        }
        assert_eq!(last, None, "every block ends with the exit code: {block}");
    }
    assert!(commands >= 5, "{commands}");
    // What is run with modules is run by the tests that have some.
    let blocks = readme.split("```sh\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let in_blocks: usize = blocks.map(examples).sum();
    assert!(in_blocks >= 3, "{in_blocks}");
    let of_ci = include_str!("../../../examples/policy-tests/README.md").replace("run: ", "");
    assert!(examples(&of_ci) >= 4);
    for subcommand in crate::command::Gatehouse::command().get_subcommands() {
        let name = subcommand.get_name();
        assert!(readme.contains(&format!("## gatehouse {name}\n")), "{name}");
        for option in subcommand.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(
                option == "help" || readme.contains(&format!("| `--{option}")),
                "{name} --{option}"
            );
        }
        let lints = subcommand
            .get_arguments()
            .filter(|option| option.get_id() == "allow");
        for lint in lints.flat_map(clap::Arg::get_possible_values) {
            assert!(
                readme.contains(&format!("| `{}` |", lint.get_name())),
                "{lint:?}"
            );
        }
    }
}

/// A command line as a shell would split it, where nothing but single quotes is special.
pub(crate) fn words(line: &str) -> Vec<&str> {
    let pieces = line.split('\'').enumerate();
    pieces
        .flat_map(|(index, piece)| match index % 2 {
            0 => piece.split_whitespace().collect(),
            _ => vec![piece],
        })
        .collect()
}
