//! The command `gatehouse`; what it does is in the library of the same package.

use gatehouse_cli::{Terminal, run};
use std::io::IsTerminal as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = std::io::stdout().is_terminal() && !no_color;
    let mut terminal = Terminal {
        input: &mut std::io::stdin().lock(),
        output: &mut std::io::stdout().lock(),
        errors: &mut std::io::stderr().lock(),
        color,
        environment: &variable,
    };
    ExitCode::from(run(std::env::args_os(), &mut terminal))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the rule is for what runs in Envoy; here the process is the host"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
