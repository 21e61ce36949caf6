//! The orders, and what is said of them.

use crate::{abi, pairs};

/// What a callback comes to.
pub(crate) struct Outcome {
    pub(crate) action: u32,
    /// The number of a callout that was sent.
    pub(crate) callout: Option<u32>,
    /// The same over gRPC, sent or not: that it was not is told once more.
    pub(crate) grpc: Option<u32>,
}

/// Follows the orders for a phase.
pub(crate) fn follow(id: &str, phase: &str, script: &str, latest: u32) -> Outcome {
    let mut outcome = Outcome {
        action: 0,
        callout: None,
        grpc: None,
    };
    for order in script
        .split(';')
        .map(str::trim)
        .filter(|order| !order.is_empty())
    {
        let words: Vec<&str> = order.split(' ').collect();
        let result = obey(&words, latest, &mut outcome);
        if let Some(result) = result {
            abi::log(&format!("script {id} {phase}: {order} -> {result}"));
        }
    }
    outcome
}

/// How long a callout may take, in milliseconds: short where the wait for it is what is tested.
fn timeout(what: &str) -> u32 {
    match what {
        "never" | "stall" | "hang" => 700,
        _ => 20_000,
    }
}

fn obey(words: &[&str], latest: u32, outcome: &mut Outcome) -> Option<String> {
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    let number = |index: usize| word(index).parse::<u32>().unwrap_or_default();
    let shown = |(status, bytes): abi::Returned| format!("{status} [{}]", bytes.escape_ascii());
    let result = match word(0) {
        "get" => shown(abi::header(number(1), word(2))),
        "pairs" => {
            let (status, bytes) = abi::pairs(number(1));
            // The rest are the proxy's.
            let own = pairs::decode(&bytes);
            let own = own
                .iter()
                .filter(|(name, _)| name.starts_with("x-t-") || name.starts_with(':'));
            let own: Vec<_> = own.map(|(name, value)| format!("{name}={value}")).collect();
            format!("{status} [{}]", own.join(" "))
        }
        "none" => {
            let (status, bytes) = abi::pairs(number(1));
            format!("{status} {}", bytes.len())
        }
        "size" => format!("{}", abi::map_size(number(1)).0),
        "add" => abi::add(number(1), word(2), word(3)).to_string(),
        "set" => abi::replace(number(1), word(2), word(3)).to_string(),
        "del" => abi::remove(number(1), word(2)).to_string(),
        // The first so many of what is there stay, with so many more.
        "setpairs" => {
            let (_, bytes) = abi::pairs(number(1));
            let mut all = pairs::decode(&bytes);
            let keep = all.len();
            all.extend((0..number(2)).map(|index| (format!("x-t-{index}"), "v".to_owned())));
            all.truncate(keep + number(2) as usize);
            abi::set_pairs(number(1), &pairs::encode(&all)).to_string()
        }
        "malformed" => abi::set_pairs(number(1), &[255, 255, 0, 0, 1]).to_string(),
        "body" => shown(abi::buffer(number(1), number(2), number(3))),
        "bodysize" => {
            let (status, size) = abi::buffer_status(number(1));
            format!("{status} {size}")
        }
        "setbody" => abi::set_buffer(number(1), number(2), number(3), word(4)).to_string(),
        "prop" => shown(abi::property(&word(1).replace('/', "\0"))),
        "setprop" => abi::set_property(word(1), word(2)).to_string(),
        "shared" => {
            let (status, data, cas) = abi::shared(word(1));
            format!("{status} [{}] versioned {}", data.escape_ascii(), cas != 0)
        }
        "share" => abi::share(word(1), word(2), number(3)).to_string(),
        // With the version that is there, or one after it.
        "swap" => {
            let (_, _, cas) = abi::shared(word(1));
            abi::share(word(1), word(2), cas.wrapping_add(number(3))).to_string()
        }
        "reply" => {
            let grpc = word(3).parse().unwrap_or(-1);
            let headers: Vec<_> = words
                .get(4..)
                .unwrap_or_default()
                .iter()
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            abi::reply(
                number(1),
                "script says so",
                word(2),
                &pairs::encode(&headers),
                grpc,
            )
            .to_string()
        }
        "replymany" => {
            let headers: Vec<_> = (0..number(1))
                .map(|index| (format!("x-t-{index}"), "v".to_owned()))
                .collect();
            abi::reply(403, "many", "many", &pairs::encode(&headers), -1).to_string()
        }
        "metric" => {
            let (defined, id) = abi::define(number(1), word(2));
            let changed = match word(3) {
                "inc" => abi::increment(id, word(4).parse().unwrap_or_default()),
                _ => abi::record(id, word(4).parse().unwrap_or_default()),
            };
            let (read, value) = abi::metric(id);
            format!("{defined} kind {} {changed} {read} {value}", id & 3)
        }
        "nometric" => {
            let (read, _) = abi::metric(number(1));
            format!(
                "{} {} {read}",
                abi::increment(number(1), 1),
                abi::record(number(1), 1)
            )
        }
        "call" | "slow" | "never" | "drop" | "stall" => {
            let path = match word(0) {
                "call" => "/callout".to_owned(),
                other => format!("/{other}"),
            };
            let mut headers = vec![
                (":method", "GET"),
                (":path", path.as_str()),
                (":authority", "service"),
            ];
            headers.retain(|(name, _)| *name != word(2));
            let headers: Vec<_> = headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let (status, token) = abi::call(word(1), &pairs::encode(&headers), timeout(word(0)));
            outcome.callout = (status == 0).then_some(token);
            status.to_string()
        }
        // What is asked says what is to be answered.
        "grpc" => {
            let message = [&[10, word(2).len() as u8], word(2).as_bytes()].concat();
            let (status, token) = abi::grpc(word(1), &message, timeout(word(2)));
            outcome.grpc = Some(token);
            status.to_string()
        }
        "grpccancel" => match outcome.grpc.take() {
            Some(token) => abi::cancel(token).to_string(),
            // There are no such ones, over HTTP or gRPC.
            None => {
                let cancelled =
                    [4000, 4001, 4002, 4003].map(|token| abi::cancel(token).to_string());
                cancelled.join(" ")
            }
        },
        "status" => {
            let (status, code, text) = abi::status();
            format!("{status} {code} [{}]", text.escape_ascii())
        }
        "tick" => abi::tick_period(number(1)).to_string(),
        // The latest stream or connection.
        "enter" => abi::enter(latest).to_string(),
        "continue" => abi::resume(number(1)).to_string(),
        "close" => abi::close(number(1)).to_string(),
        "foreign" => shown(abi::foreign(word(1), word(2).as_bytes())),
        // Tildes are spaces.
        "expr" => {
            let text = word(1).replace('~', " ");
            let (created, token) = abi::foreign("expr_create", text.as_bytes());
            let evaluated = shown(abi::foreign("expr_evaluate", &token));
            let (deleted, _) = abi::foreign("expr_delete", &token);
            format!("{created} {evaluated} {deleted}")
        }
        "filterstate" => {
            let mut bytes = vec![10, word(1).len() as u8];
            bytes.extend(word(1).as_bytes());
            bytes.extend([18, word(2).len() as u8]);
            bytes.extend(word(2).as_bytes());
            abi::foreign("set_envoy_filter_state", &bytes).0.to_string()
        }
        "return" => {
            outcome.action = number(1);
            return None;
        }
        "trap" => std::process::abort(),
        other => format!("no order {other}"),
    };
    Some(result)
}
