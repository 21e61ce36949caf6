//! What a plugin said in Envoy's log.

/// The messages that wasm plugins logged, each without Envoy's prefix and with its further lines.
///
/// Envoy writes `[time][thread][level][wasm] [source] wasm log PLUGIN ROOT VM: MESSAGE`; a line that does not start with
/// a bracket goes on with the message before it.
pub fn plugin_messages(log: &str) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut in_message = false;
    for line in log.lines() {
        if !line.starts_with('[') {
            if let Some(message) = messages.last_mut().filter(|_| in_message) {
                message.push('\n');
                message.push_str(line);
            }
            continue;
        }
        let message = line
            .split_once(" wasm log")
            .and_then(|(_, rest)| rest.split_once(": "));
        in_message = message.is_some();
        messages.extend(message.map(|(_, message)| message.to_owned()));
    }
    messages
        .iter_mut()
        .for_each(|message| message.truncate(message.trim_end().len()));
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_further_lines() {
        let log = "\
[t][1][info][main] [server.cc:467] starting
  not of a plugin
[t][1][error][wasm] [context.cc:1157] wasm log auth root vm: refused:
rules[0]: no
providers: none
[t][1][error][wasm] [wasm.cc:104] Wasm VM failed
  not of a plugin
[t][1][info][wasm] [context.cc:1154] wasm log auth: two: parts

";
        assert_eq!(
            plugin_messages(log),
            ["refused:\nrules[0]: no\nproviders: none", "two: parts"]
        );
    }
}
